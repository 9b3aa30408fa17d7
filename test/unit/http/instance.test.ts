import { describe, expect, it } from '@jest/globals';
import { toInstance } from '../../../src/http/instance.ts';

describe('the instance of a problem', () => {
  it.each([
    ['/v1/product-upgrades', '/v1/product-upgrades'],
    ['/v1/product-upgrades?customerId=x', '/v1/product-upgrades'],
    ['//evil.example/v1/product-upgrades', '/evil.example/v1/product-upgrades'],
    ['///v1', '/v1'],
    ['/\\evil.example', '/%5Cevil.example'],
    ['http://evil.example/v1?x=1', '/v1'],
    ['http://evil.example', '/'],
    ['http://evil.example//other.example/v1', '/other.example/v1'],
    ['*', '/*'],
    ['', '/'],
    ['/..%2f', '/..%2f'],
    ['/%E0%A4%A', '/%E0%A4%25A'],
    ['/<script>"é', '/%3Cscript%3E%22%C3%A9'],
  ])('of %j is the path %j', (target, instance) => {
    expect(toInstance(target)).toBe(instance);
    expect(new URL(instance, 'https://upgrades.example.test').host).toBe('upgrades.example.test');
  });

  it('is bounded, and cut at no half of an escape', () => {
    expect(toInstance(`/${'a'.repeat(10_000)}`)).toHaveLength(256);
    for (const start of ['/', '/a', '/ab']) {
      const instance = toInstance(start + '%2F'.repeat(1_000));
      expect(instance).toMatch(/^[/ab]+(%2F)+$/);
      expect(instance.length).toBeLessThanOrEqual(256);
    }
  });
});
