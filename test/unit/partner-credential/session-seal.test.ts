import { randomBytes } from 'node:crypto';
import { expect, it } from '@jest/globals';
import { createSessionSeal, hashState } from '../../../src/partner-credential/session-seal.ts';

const secrets = { codeVerifier: 'the-verifier-of-this-sign-in', nonce: 'the-nonce-of-this-sign-in' };
const applicationSecret = randomBytes(32);
const seal = createSessionSeal(applicationSecret);

it('opens with the same state and the same application secret, at any instance', () => {
  const sealed = seal.seal('state', secrets);
  expect(createSessionSeal(applicationSecret).open('state', sealed)).toEqual(secrets);
  expect(sealed).not.toBe(seal.seal('state', secrets));
});

it('shows nothing of what is in it', () => {
  const sealed = Buffer.from(seal.seal('state', secrets), 'base64url').toString('latin1');
  expect(sealed).not.toContain('verifier');
});

it.each([
  ['another state', (sealed: string) => seal.open('other state', sealed)],
  [
    'another application secret',
    (sealed: string) => createSessionSeal(randomBytes(32)).open('state', sealed),
  ],
  [
    'one character changed',
    (sealed: string) => seal.open('state', `${sealed[0] === 'A' ? 'B' : 'A'}${sealed.slice(1)}`),
  ],
  ['cut short', (sealed: string) => seal.open('state', sealed.slice(0, 20))],
  ['nothing', () => seal.open('state', '')],
])('does not open with %s', (_name, open) => {
  expect(open(seal.seal('state', secrets))).toBeUndefined();
});

it('a state is looked up by its hash', () => {
  expect(hashState('state')).toMatch(/^[\w-]{43}$/);
  expect(hashState('state')).not.toBe(hashState('other'));
});
