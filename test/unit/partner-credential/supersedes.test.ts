import { describe, expect, it } from '@jest/globals';
import type { PartnerCredential } from '../../../src/partner-credential/ports.ts';
import { prevails, supersedes } from '../../../src/partner-credential/supersedes.ts';

/** Every kind of credential that matters to the rules. */
const all: PartnerCredential[] = [1, 2, 3].flatMap((issuedAt) =>
  [undefined, 1, 2].flatMap((consentedAt) =>
    [undefined, true, false].map((hasMfa) => ({
      refreshToken: `${issuedAt} ${consentedAt} ${hasMfa}`,
      issuedAt,
      ...(consentedAt !== undefined && { consentedAt }),
      ...(hasMfa !== undefined && { hasMfa }),
    })),
  ),
);
const pairs = all.flatMap((one) => all.map((other) => ({ one, other })));

describe('supersedes', () => {
  it('lets anything be the first', () => {
    expect(all.every((each) => supersedes(each, undefined))).toBe(true);
  });

  it('never gives up MFA for what is known to lack it', () => {
    const swaps = pairs.filter(({ one, other }) => one.hasMfa === false && other.hasMfa === true);
    expect(swaps.filter(({ one, other }) => supersedes(one, other))).toEqual([]);
    expect(swaps.length).toBeGreaterThan(50);
  });

  it('never goes back to an earlier consent, nor to an older token of the same one', () => {
    const isBack = ({ one, other }: (typeof pairs)[number]) =>
      one.consentedAt === other.consentedAt ||
      one.consentedAt === undefined ||
      other.consentedAt === undefined
        ? one.issuedAt < other.issuedAt
        : one.consentedAt < other.consentedAt;
    expect(pairs.filter((pair) => isBack(pair) && supersedes(pair.one, pair.other))).toEqual([]);
  });

  it('refuses nothing else', () => {
    const refused = pairs.filter(({ one, other }) => !supersedes(one, other) && !supersedes(other, one));
    expect(refused.filter(({ one, other }) => one.hasMfa === other.hasMfa)).toEqual([]);
  });
});

describe('prevails', () => {
  it('is never true in both directions, and decides wherever one may not replace the other', () => {
    for (const { one, other } of pairs) {
      expect(prevails(one, other) && prevails(other, one)).toBe(false);
      if (!supersedes(one, other)) expect(prevails(one, other) || prevails(other, one)).toBe(true);
    }
  });
});
