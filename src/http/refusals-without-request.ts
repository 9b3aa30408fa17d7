import { type IncomingHttpHeaders, METHODS, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Fault } from '../errors.ts';
import { toCorrelation } from './correlation.ts';
import { toInstance } from './instance.ts';
import { type ProblemCode, problemKinds } from './problems.ts';

// What Node refuses by itself never becomes a request that Express could answer: it is a problem like every other.

/** Every method that any resource here answers. */
const answeredMethods = 'GET, HEAD, POST';

interface Refusal {
  readonly code: ProblemCode;
  readonly detail: string;
  readonly instance?: string;
  readonly faults?: readonly Fault[];
  readonly allow?: string;
}

const toMethodRefusal = (target: string): Refusal => ({
  code: 'method_not_allowed',
  detail: `The gateway answers ${answeredMethods} only.`,
  instance: toInstance(target),
  allow: answeredMethods,
});

const toRequestRefusal = (detail: string, message: string): Refusal => ({
  code: 'invalid_request',
  detail,
  faults: [{ path: 'request', message }],
});

// RFC 9112, section 3, with the method's characters of RFC 9110, section 9.1.
const requestLine = /^([\w!#$%&'*+.^`|~-]+) (\S+) HTTP\/1\.[01]\r?\n/;

/** What the parser's error means. One code has one status here, so there is no 431 and no 408. */
function toRefusal({ code, rawPacket }: ParserError): Refusal {
  if (code === 'HPE_HEADER_OVERFLOW')
    return toRequestRefusal(
      'The address and the headers of the request are too large.',
      'must have at most 16 kB of address and headers',
    );
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return toRequestRefusal('The request did not arrive in time.', 'did not arrive in time');
  const [, method, target] = requestLine.exec(rawPacket?.toString('latin1', 0, 16_384) ?? '') ?? [];
  if (code === 'HPE_INVALID_METHOD' && method && target && !METHODS.includes(method))
    return toMethodRefusal(target);
  return toRequestRefusal('The request is not HTTP that the gateway can read.', 'cannot be read');
}

function send(socket: Socket, publicUrl: string, refusal: Refusal, headers: IncomingHttpHeaders = {}): void {
  const { code, detail, instance = '/', faults, allow } = refusal;
  const { status, title } = problemKinds[code];
  const ids = toCorrelation(headers['ms-correlationid']);
  const type = `${publicUrl}/problems/${code}`;
  const problem = { type, title, status, detail, instance, code, ...ids, ...(faults && { errors: faults }) };
  const body = JSON.stringify(problem);
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'Content-Type: application/problem+json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      ...(allow ? [`Allow: ${allow}`] : []),
      `MS-CorrelationId: ${ids.correlationId}`,
      `MS-RequestId: ${ids.requestId}`,
      'Cache-Control: no-store',
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
    // Half a connection would stay: Node no longer looks after it.
    () => socket.destroy(),
  );
}

/** What Node's HTTP parser says of bytes that it cannot take; `rawPacket` are the ones at hand. */
export interface ParserError extends NodeJS.ErrnoException {
  readonly rawPacket?: Buffer;
}

/** Answers what the parser refuses. */
export function answerParserError(error: ParserError, socket: Socket, publicUrl: string): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  send(socket, publicUrl, toRefusal(error));
}

/** Answers CONNECT, for which Node hands out the bare socket: the gateway is no proxy. */
export function answerConnect(headers: IncomingHttpHeaders, socket: Socket, publicUrl: string): void {
  socket.on('error', () => socket.destroy()); // Node has let go of it
  send(socket, publicUrl, toMethodRefusal('/'), headers);
}
