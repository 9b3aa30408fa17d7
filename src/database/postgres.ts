import { Socket } from 'node:net';
import { type Dialect, PostgresDialect, type PostgresPool, type PostgresPoolClient } from 'kysely';
import pg from 'pg';

export interface PostgresParts {
  /** `postgres://user:password@host/database`; `?sslmode=verify-full&sslrootcert=…` for TLS. */
  readonly url: string;
  /** How long one statement may take, in milliseconds. */
  readonly statementTimeoutMs: number;
  readonly connectTimeoutMs: number;
  /** The most connections that this process has. */
  readonly maxConnections: number;
  /** Told of connections that broke while nobody used them; whoever uses one gets the failure itself. */
  readonly onConnectionLost: (error: Error) => void;
}

const bigintOid = 20;
const goodbyeMs = 2_000;

// Our BIGINTs are epoch milliseconds and counts, far below 2^53; without this they would be strings.
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === bigintOid && format !== 'binary'
      ? Number
      : pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser, // overloaded by format
};

/**
 * A client of the pool that is given back for good once a statement ended without the server's own word on it: pg would
 * keep the connection, and a `begin` that arrives late would open a transaction around whatever somebody else writes next.
 */
function createWaryClient(client: pg.PoolClient): PostgresPoolClient {
  let doubt: { readonly cause: unknown } | undefined;
  async function query(sql: string, parameters: readonly unknown[]) {
    if (doubt) throw doubt.cause; // a rollback would wait behind the statement that hangs
    try {
      return await client.query(sql, [...parameters]);
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) doubt = { cause: error };
      throw error;
    }
  }
  return {
    query: query as unknown as PostgresPoolClient['query'], // overloaded for cursors, which nobody here uses
    release: () => client.release(doubt !== undefined),
  };
}

/** A PostgreSQL database, which any number of gateways share. No statement, no connecting and no ending waits without an end. */
export function createPostgresDialect({
  url,
  statementTimeoutMs,
  connectTimeoutMs,
  maxConnections,
  onConnectionLost,
}: PostgresParts): Dialect {
  const sockets = new Set<Socket>();
  const pool = new pg.Pool({
    connectionString: url,
    types,
    max: maxConnections,
    connectionTimeoutMillis: connectTimeoutMs,
    idleTimeoutMillis: 30_000,
    maxLifetimeSeconds: 1_800,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000, // the system's own is two hours
    application_name: 'product-upgrade-gateway',
    statement_timeout: statementTimeoutMs,
    // A server that has gone silent cannot end a statement: the client does, a little later.
    query_timeout: 1.2 * statementTimeoutMs,
    idle_in_transaction_session_timeout: 2 * statementTimeoutMs,
    stream() {
      const socket = new Socket();
      sockets.add(socket);
      return socket.once('close', () => sockets.delete(socket));
    },
  });
  // An "error" event that nobody listens to ends the process: the pool's for idle connections, a client's while it is
  // lent out and runs no statement.
  pool.on('error', onConnectionLost);
  pool.on('connect', (client) => client.on('error', () => undefined));
  const waryPool: PostgresPool = {
    connect: async () => createWaryClient(await pool.connect()),
    async end() {
      // A server that has gone silent does not answer a goodbye, and a statement may still run.
      setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, goodbyeMs).unref();
      await pool.end();
    },
  };
  return new PostgresDialect({ pool: waryPool });
}
