import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { answerConnect, answerParserError, type ParserError } from './refusals-without-request.ts';

export interface ListeningServer {
  readonly port: number;
  /**
   * Takes no more connections and closes those without a request; lets running requests end within `graceMs`, each with
   * its connection, then cuts what is left.
   */
  stop(graceMs: number): Promise<void>;
}

export interface ListenOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Where problems are explained. */
  readonly publicUrl: string;
  /** How long a request may take to arrive, and its headers alone; how often that is looked after. */
  readonly requestTimeoutMs?: number;
  readonly headersTimeoutMs?: number;
  readonly checkIntervalMs?: number;
  /** How long a connection may stand still, also while a request runs on it: more than the longest answer takes. */
  readonly idleTimeoutMs?: number;
}

// Beyond these nobody means well: browsers and proxies wait for an answer before they send the next request.
const mostRequestsPerConnection = 8;
const mostConnections = 4_000;

/** Listens with limits on how long a request may take to arrive. */
export async function listen(
  listener: RequestListener,
  {
    host,
    port,
    publicUrl,
    requestTimeoutMs = 30_000,
    headersTimeoutMs = 10_000,
    checkIntervalMs = 5_000,
    idleTimeoutMs = 180_000,
  }: ListenOptions,
): Promise<ListeningServer> {
  const connections = new Set<Socket>();
  const running = new Map<ServerResponse, Socket>();
  const countRunning = (socket: Socket) => [...running.values()].filter((each) => each === socket).length;
  const answer: RequestListener = (req, res) => {
    running.set(res, req.socket);
    res.once('close', () => running.delete(res));
    if (countRunning(req.socket) > mostRequestsPerConnection) return void req.socket.destroy();
    listener(req, res);
  };
  const server: Server = createServer(
    {
      requestTimeout: requestTimeoutMs,
      headersTimeout: headersTimeoutMs,
      connectionsCheckingInterval: checkIntervalMs,
      keepAliveTimeout: 65_000,
      maxHeaderSize: 16_384,
      requireHostHeader: false, // what Node refuses by itself is no problem of RFC 9457; `requireHost` makes it one
    },
    answer,
  );
  server.timeout = idleTimeoutMs;
  server.maxConnections = mostConnections;
  // An expectation other than 100-continue may be ignored (RFC 9110, section 10.1.1); Node would answer a bare 417.
  server.on('checkExpectation', answer);
  server.on('connection', (socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  // Node types these sockets as streams; on an HTTP server they are sockets.
  server.on('clientError', (error: ParserError, socket) => {
    // An answer now would be taken for that of the request that still runs.
    if (countRunning(socket as Socket) > 0) socket.destroy();
    else answerParserError(error, socket as Socket, publicUrl);
  });
  server.on('connect', ({ headers }, socket) => answerConnect(headers, socket as Socket, publicUrl));
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
