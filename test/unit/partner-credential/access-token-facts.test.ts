import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readAccessTokenFacts } from '../../../src/partner-credential/access-token-facts.ts';

const token = (claims: unknown) => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.x`;

it.each([
  [
    { amr: ['pwd', 'mfa'], upn: 'a@b.c', tid: 'T' },
    { hasMfa: true, userName: 'a@b.c', tenantId: 't' },
  ],
  [
    { amr: ['pwd'], preferred_username: 'a@b.c' },
    { hasMfa: false, userName: 'a@b.c' },
  ],
  [{ unique_name: 'a@b.c' }, { userName: 'a@b.c' }],
  [{ amr: 'mfa', upn: 7, tid: null }, {}],
  [[], {}],
  [null, {}],
])('%j', (claims, facts) => {
  expect(readAccessTokenFacts(token(claims))).toEqual(facts);
});

it('never throws, whatever the token is', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json().map((json) => token(json)),
        fc.string().map(token),
      ),
      (text) => {
        expect(() => readAccessTokenFacts(text)).not.toThrow();
      },
    ),
    { verbose: true }, // a counterexample comes with its seed
  );
});
