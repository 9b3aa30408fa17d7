import { type Dialect, PostgresDialect } from 'kysely';
import pg from 'pg';

export interface PostgresParts {
  /** `postgres://user:password@host/database`; `?sslmode=verify-full&sslrootcert=…` for TLS. */
  readonly url: string;
  /** How long one statement may take, in milliseconds; 0 = as long as it needs. */
  readonly statementTimeoutMs: number;
  /** The most connections that this process has. */
  readonly maxConnections: number;
  /** Told of connections that broke while nobody used them; whoever uses one gets the failure itself. */
  readonly onConnectionLost: (error: Error) => void;
}

const bigintOid = 20;
const connectTimeoutMs = 3_000;

// Our BIGINTs are epoch milliseconds and counts, far below 2^53; without this they would be strings.
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === bigintOid && format !== 'binary'
      ? Number
      : pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser, // overloaded by format
};

/** A PostgreSQL database, which any number of gateways share. Nothing here waits without an end. */
export function createPostgresDialect({
  url,
  statementTimeoutMs,
  maxConnections,
  onConnectionLost,
}: PostgresParts): Dialect {
  const pool = new pg.Pool({
    connectionString: url,
    types,
    max: maxConnections,
    connectionTimeoutMillis: connectTimeoutMs,
    idleTimeoutMillis: 30_000,
    maxLifetimeSeconds: 1_800,
    keepAlive: true,
    application_name: 'product-upgrade-gateway',
    ...(statementTimeoutMs > 0 && {
      statement_timeout: statementTimeoutMs,
      // A server that has gone silent cannot end a statement: the client does, a little later.
      query_timeout: statementTimeoutMs + 1_000,
      idle_in_transaction_session_timeout: 2 * statementTimeoutMs,
    }),
  });
  // An "error" event that nobody listens to ends the process: the pool's for idle connections, a client's while it is
  // lent out and runs no statement.
  pool.on('error', onConnectionLost);
  pool.on('connect', (client) => client.on('error', () => undefined));
  return new PostgresDialect({ pool });
}
