import { once } from 'node:events';
import type { Server, Socket } from 'node:net';

/** A server that listens and can be ended at once. */
export interface Listening {
  port: number;
  /** Destroys every connection, also idle and half-open ones, and resolves when the port is free. */
  close(): Promise<void>;
}

/**
 * Listens and keeps track of connections: `server.close()` alone would wait for clients that hold theirs
 * open, and some scenarios leave requests unanswered on purpose.
 * @param port 0 = a free one
 */
export async function listen(server: Server, port: number, host: string): Promise<Listening> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // A client that goes away while an answer is held back is normal here.
    socket.on('error', () => socket.destroy());
  });
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no TCP address');
  return {
    port: address.port,
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
