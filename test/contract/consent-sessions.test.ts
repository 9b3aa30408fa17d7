import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type OpenDatabase, openDatabase } from '../../src/database/database.ts';
import { createUseDatabase } from '../../src/database/use-database.ts';
import { LedgerUnavailableError } from '../../src/errors.ts';
import { createConsentSessions } from '../../src/partner-credential/consent-sessions.ts';
import { databaseKinds, startDatabases, type TestDatabases } from '../support/databases.ts';
import { createFakeClock, createFakeLog, type FakeClock, hourMs, minuteMs } from '../support/fake-entra.ts';

let databases: TestDatabases;
beforeAll(async () => {
  databases = await startDatabases();
});
afterAll(() => databases.stop());

describe.each(databaseKinds)('consent sessions over %s', (kind) => {
  let opened: OpenDatabase;
  let other: OpenDatabase;
  let clock: FakeClock;
  beforeEach(async () => {
    const location = await databases.create(kind);
    opened = await openDatabase(location, createFakeLog());
    other = await openDatabase(location, createFakeLog());
    clock = createFakeClock();
  });
  afterEach(async () => {
    await opened.destroy();
    await other.destroy();
  });

  const sessions = (mostSessions = 100, at = opened) =>
    createConsentSessions({ useDatabase: createUseDatabase(at), now: clock.now, mostSessions });
  const session = (stateHash: string) => ({
    consentId: `consent of ${stateHash}`,
    stateHash,
    sealedSecrets: 'sealed',
    askedBy: { tenantId: 't', applicationId: 'a', objectId: 'o' },
    expiresAt: clock.now() + 10 * minuteMs,
  });
  const count = async (table: 'partner_consent_sessions' | 'partner_consent_ends') =>
    (await opened.database.selectFrom(table).select('state_hash').execute()).length;

  it('hands a session out once, whoever asks and however many at a time', async () => {
    const added = session('one');
    await sessions().add(added);
    const taken = await Promise.all(
      Array.from({ length: 20 }, (_, index) => sessions(100, index % 2 ? other : opened).take('one')),
    );
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

  it('says that the database is away, rather than that a session is unknown', async () => {
    await (kind === 'postgres' ? databases.postgres.halt() : opened.destroy());
    await expect(sessions().take('one')).rejects.toThrow(LedgerUnavailableError);
    if (kind === 'postgres') await databases.postgres.resume();
  });
});
