import { randomUUID } from 'node:crypto';
import {
  createServer,
  type RequestListener,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { problemKinds } from './problems.ts';

export interface ListeningServer {
  readonly port: number;
  /**
   * Takes no more connections and closes those without a request; lets running requests end within `graceMs`, each with
   * its connection, then cuts what is left.
   */
  stop(graceMs: number): Promise<void>;
}

const statusOfParserError: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** Answers what Node's HTTP parser refuses before there is a request: it is a problem like every other. */
function answerParserError(error: NodeJS.ErrnoException, socket: Socket, publicUrl: string): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const status = statusOfParserError[error.code ?? ''] ?? 400;
  const correlationId = randomUUID();
  const requestId = randomUUID();
  const problem = JSON.stringify({
    type: `${publicUrl}/problems/invalid_request`,
    title: problemKinds.invalid_request.title,
    status,
    detail:
      'The request is not HTTP that the gateway can read, is too slow, or has more than 16 kB of headers.',
    instance: '/',
    code: 'invalid_request',
    correlationId,
    requestId,
    errors: [{ path: 'request', message: 'cannot be read' }],
  });
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'Content-Type: application/problem+json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(problem)}`,
      `MS-CorrelationId: ${correlationId}`,
      `MS-RequestId: ${requestId}`,
      'Cache-Control: no-store',
      'Connection: close',
      '',
      problem,
    ].join('\r\n'),
  );
}

/** Listens with limits on how long a request may take to arrive. Port 0 takes a free one. */
export async function listen(
  listener: RequestListener,
  { host, port, publicUrl }: { host: string; port: number; publicUrl: string },
): Promise<ListeningServer> {
  const connections = new Set<Socket>();
  const running = new Map<ServerResponse, Socket>();
  const answer: RequestListener = (req, res) => {
    running.set(res, req.socket);
    res.once('close', () => running.delete(res));
    listener(req, res);
  };
  const server: Server = createServer(
    {
      requestTimeout: 30_000,
      headersTimeout: 10_000,
      keepAliveTimeout: 65_000,
      maxHeaderSize: 16_384,
      requireHostHeader: false, // what Node refuses by itself is no problem of RFC 9457; `requireHost` makes it one
    },
    answer,
  );
  // An expectation other than 100-continue may be ignored (RFC 9110, section 10.1.1); Node would answer a bare 417.
  server.on('checkExpectation', answer);
  server.on('connection', (socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) =>
    // Node types the socket as a stream; on an HTTP server it is a socket.
    answerParserError(error, socket as Socket, publicUrl),
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, host, () => resolve());
  });
  return {
    port: (server.address() as AddressInfo).port, // it listens on TCP
    async stop(graceMs) {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      // Node would keep a connection alive after the answer that runs on it, and a new one before its first request.
      for (const [res, socket] of running) {
        connections.delete(socket);
        if (res.headersSent) res.once('finish', () => socket.destroySoon());
        else res.setHeader('Connection', 'close');
      }
      for (const socket of connections) socket.destroySoon();
      const cut = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed.finally(() => clearTimeout(cut));
    },
  };
}
