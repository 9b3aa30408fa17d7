import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** The network between a gateway and its database, which can fall silent: connections stay, and nothing comes through. */
export interface DatabaseLink {
  /** The database's URL by way of this link. */
  readonly url: string;
  freeze(): void;
  thaw(): void;
  /** What is sent next and contains this text arrives; then the link is frozen, so that no answer comes. */
  freezeAfter(text: string): void;
  stop(): Promise<void>;
}

export async function startDatabaseLink(databaseUrl: string): Promise<DatabaseLink> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let isFrozen = false;
  let last: string | undefined;

  function freeze() {
    isFrozen = true;
    for (const socket of sockets) socket.pause();
  }

  function pipe(from: Socket, to: Socket, onData: (chunk: Buffer) => void) {
    sockets.add(from);
    from.on('data', (chunk) => {
      onData(chunk);
      to.write(chunk);
    });
    from.on('error', () => undefined); // it closes as well
    from.on('close', () => {
      sockets.delete(from);
      to.destroy();
    });
    if (isFrozen) from.pause();
  }

  const server = createServer((near) => {
    const far = connect({ host: target.hostname, port: Number(target.port) });
    pipe(far, near, () => undefined);
    pipe(near, far, (chunk) => {
      if (last === undefined || !chunk.toString('latin1').toLowerCase().includes(last)) return;
      last = undefined;
      freeze();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const url = new URL(databaseUrl);
  url.port = String(address.port);

  return {
    url: url.href,
    freeze,
    thaw() {
      isFrozen = false;
      for (const socket of sockets) socket.resume();
    },
    freezeAfter(text) {
      last = text;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
