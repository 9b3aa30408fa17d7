import { describe, expect, it } from '@jest/globals';
import { parseWait } from '../../../src/http/prefer.ts';

describe('the wait preference', () => {
  it.each([
    ['wait=10', 10],
    ['respond-async, wait=10', 10],
    ['Wait = "7"', 7],
    ['wait=10; foo=bar', 10],
    ['wait=0', 0],
    ['wait=3600', 60],
    ['wait=99999999999999999999', 60],
    ['foo="a, wait=1"', undefined],
    ['foo="a, wait=1", wait=2', 2],
    ['foo="a \\", wait=1", wait=2', 2],
    ['foo="never closed, wait=1', undefined],
    ['foo, , wait=3', 3],
    ['wait="7', undefined],
    ['wait=7"', undefined],
    ['wait=-1', undefined],
    ['wait=ten', undefined],
    ['await=10', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%j is %j seconds', (prefer, seconds) => expect(parseWait(prefer)).toBe(seconds));

  it('is read in no time, whatever else is there', () => {
    const startedAt = performance.now();
    for (const part of ['"', '\\"', '"\\', ',', 'a="b",', 'wait=', '; '])
      parseWait(part.repeat(16_384 / part.length));
    expect(performance.now() - startedAt).toBeLessThan(500);
  });
});
