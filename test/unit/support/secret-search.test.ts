import { expect, it } from '@jest/globals';
import { createSecretSearch } from '../../support/secret-search.ts';

const secret = 'a+secret/with=signs"in it';

it.each([
  ['as it is', secret],
  ['in a URL', `code=${encodeURIComponent(secret)}`],
  ['in JSON', JSON.stringify({ secret })],
  ['in base64', Buffer.from(secret).toString('base64')],
  ['in base64url', Buffer.from(secret).toString('base64url')],
  ['in hex', Buffer.from(secret).toString('hex')],
])('finds a secret %s and names it without showing it', (_form, text) => {
  const search = createSecretSearch();
  search.add('the client secret', secret);
  search.read('a harmless line', 'nothing here');
  search.read('the log', `some words, ${text}, and more`);
  expect(() => search.expectNone()).toThrow('Secrets have leaked: the client secret in the log');
});

it('is content where there is none', () => {
  const search = createSecretSearch();
  search.add('the client secret', secret);
  search.read('the log', 'nothing here');
  expect(() => search.expectNone()).not.toThrow();
});

it('refuses to look for what is too short to mean anything', () => {
  expect(() => createSecretSearch().add('a pin', '1234')).toThrow('too short');
});
