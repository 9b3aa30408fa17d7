import { z } from 'zod';
import type { Database } from '../database/database.ts';
import type { ConsentAsker, ConsentSessions } from './ports.ts';

export interface ConsentSessionsParts {
  /** Runs queries once the database can be used. */
  readonly useDatabase: <T>(work: (database: Database) => Promise<T>) => Promise<T>;
  readonly now?: () => number;
  readonly mostSessions?: number;
}

/** Long enough to say "expired" rather than "unknown" to a person who comes back late. */
const keptAfterEndMs = 3_600_000;

const asker: z.ZodType<ConsentAsker> = z.object({
  tenantId: z.string(),
  applicationId: z.string(),
  objectId: z.string(),
});

/** Sign-ins under way in a relational database: one set of queries for every dialect. */
export function createConsentSessions({
  useDatabase,
  now = Date.now,
  mostSessions = 100,
}: ConsentSessionsParts): ConsentSessions {
  async function dropOld(database: Database) {
    const horizon = now() - keptAfterEndMs;
    await database.deleteFrom('partner_consent_sessions').where('expires_at', '<', horizon).execute();
    await database.deleteFrom('partner_consent_ends').where('ended_at', '<', horizon).execute();
    const surplus = await database
      .selectFrom('partner_consent_sessions')
      .select('state_hash')
      .orderBy('expires_at', 'desc')
      .offset(mostSessions - 1)
      .limit(1_000)
      .execute();
    if (surplus.length === 0) return;
    await database
      .deleteFrom('partner_consent_sessions')
      .where(
        'state_hash',
        'in',
        surplus.map((row) => row.state_hash),
      )
      .execute();
  }

  return {
    async add({ consentId, stateHash, sealedSecrets, askedBy, expiresAt }) {
      await useDatabase(async (database) => {
        await dropOld(database);
        await database
          .insertInto('partner_consent_sessions')
          .values({
            state_hash: stateHash,
            consent_id: consentId,
            sealed_secrets: sealedSecrets,
            asked_by: JSON.stringify(askedBy),
            expires_at: expiresAt,
          })
          .execute();
      });
    },

    async take(stateHash) {
      // One statement, so that of two callbacks with one state only one gets the session, on whichever instance.
      const row = await useDatabase((database) =>
        database
          .deleteFrom('partner_consent_sessions')
          .where('state_hash', '=', stateHash)
          .returningAll()
          .executeTakeFirst(),
      );
      return (
        row && {
          stateHash,
          consentId: row.consent_id,
          sealedSecrets: row.sealed_secrets,
          askedBy: asker.parse(JSON.parse(row.asked_by)),
          expiresAt: Number(row.expires_at),
        }
      );
    },

    async recordEnd(stateHash, { isGranted, reason, detail }) {
      const end = {
        state_hash: stateHash,
        is_granted: isGranted ? 1 : 0,
        reason,
        detail,
        ended_at: now(),
      };
      await useDatabase((database) =>
        database
          .insertInto('partner_consent_ends')
          .values(end)
          .onConflict((conflict) => conflict.column('state_hash').doNothing())
          .execute(),
      );
    },

    async findEnd(stateHash) {
      const row = await useDatabase((database) =>
        database
          .selectFrom('partner_consent_ends')
          .selectAll()
          .where('state_hash', '=', stateHash)
          .executeTakeFirst(),
      );
      return row && { isGranted: row.is_granted === 1, reason: row.reason, detail: row.detail };
    },
  };
}
