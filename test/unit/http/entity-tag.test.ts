import { describe, expect, it } from '@jest/globals';
import { namesEntityTag } from '../../../src/http/entity-tag.ts';

describe('If-None-Match', () => {
  it.each(['W/"abc"', '"abc"', '*', ' * ', '"x", W/"abc"', 'W/"x",W/"abc" , "y"'])(
    '%s names the tag',
    (header) => {
      expect(namesEntityTag(header, 'W/"abc"')).toBe(true);
    },
  );

  it.each([undefined, '', 'abc', '"ab"', 'W/"abcd"', '"x", "y"', '"*"'])('%s does not', (header) => {
    expect(namesEntityTag(header, 'W/"abc"')).toBe(false);
  });
});
