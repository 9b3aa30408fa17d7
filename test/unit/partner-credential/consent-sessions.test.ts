import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { type Database, openDatabase } from '../../../src/database/database.ts';
import { createConsentSessions } from '../../../src/partner-credential/consent-sessions.ts';
import { createFakeClock, type FakeClock, hourMs, minuteMs } from '../../support/fake-entra.ts';

let database: Database;
let clock: FakeClock;
beforeEach(async () => {
  database = await openDatabase({ kind: 'sqlite', path: ':memory:' });
  clock = createFakeClock();
});
afterEach(() => database.destroy());

const sessions = (mostSessions = 100) => createConsentSessions({ database, now: clock.now, mostSessions });
const session = (stateHash: string) => ({
  consentId: `consent of ${stateHash}`,
  stateHash,
  sealedSecrets: 'sealed',
  askedBy: { tenantId: 't', applicationId: 'a', objectId: 'o' },
  expiresAt: clock.now() + 10 * minuteMs,
});
const count = async (table: 'partner_consent_sessions' | 'partner_consent_ends') =>
  (await database.selectFrom(table).select('state_hash').execute()).length;

it('hands a session out once, whoever asks and however many at a time', async () => {
  const added = session('one');
  await sessions().add(added);
  const taken = await Promise.all(Array.from({ length: 20 }, () => sessions().take('one')));
  expect(taken.filter(Boolean)).toEqual([added]);
});

it('remembers how a session ended, and its first end only', async () => {
  const end = { isGranted: false, reason: 'expired', detail: 'too late' };
  await sessions().recordEnd('one', end);
  await sessions().recordEnd('one', { isGranted: true, reason: 'granted', detail: '' });
  expect(await sessions().findEnd('one')).toEqual(end);
  expect(await sessions().findEnd('other')).toBeUndefined();
});

it('forgets what is long over', async () => {
  await sessions().add(session('old'));
  await sessions().recordEnd('older', { isGranted: true, reason: 'granted', detail: '' });
  clock.pass(2 * hourMs);
  await sessions().add(session('new'));
  expect(await count('partner_consent_sessions')).toBe(1);
  expect(await count('partner_consent_ends')).toBe(0);
});

it('keeps a bounded number, the newest ones', async () => {
  for (let index = 0; index < 30; index += 1) {
    await sessions(10).add(session(`state ${index}`));
    clock.pass(1000);
  }
  expect(await count('partner_consent_sessions')).toBe(10);
  expect(await sessions().take('state 29')).toBeDefined();
  expect(await sessions().take('state 19')).toBeUndefined();
});
