import { LedgerUnavailableError } from '../errors.ts';
import type { Database, OpenDatabase } from './database.ts';
import { isDatabaseUnavailable } from './failures.ts';
import { NewerSchemaError } from './migrations.ts';

/** Runs queries once the database can be used; says `LedgerUnavailableError` where it cannot. */
export type UseDatabase = <T>(work: (database: Database) => Promise<T>) => Promise<T>;

const retryAfterSeconds = 5;

export const createUseDatabase =
  ({ database, ready }: Pick<OpenDatabase, 'database' | 'ready'>): UseDatabase =>
  async (work) => {
    try {
      await ready();
      return await work(database);
    } catch (error) {
      if (error instanceof NewerSchemaError || isDatabaseUnavailable(error))
        throw new LedgerUnavailableError('The gateway’s database cannot be used at the moment.', {
          cause: error,
          retryAfterSeconds,
        });
      throw error;
    }
  };
