import { randomUUID } from 'node:crypto';
import type { Request, Response } from 'express';

/** An HTTP answer of the emulated Partner Center, before it is written. */
export interface Answer {
  status: number;
  reasonPhrase?: string;
  headers?: Readonly<Record<string, string>>;
  /** Body as JSON. */
  json?: Readonly<Record<string, unknown>>;
  /** Body as it is, instead of `json`. */
  text?: string;
  /** How an answer ends whose headers arrive and whose body does not: with a reset, or not at all. */
  breaksOff?: 'reset' | 'stall';
  /** Sent by something in front of the API: without MS-* headers and byte order mark. */
  isFromGateway?: boolean;
}

/** What becomes of a call: an answer, silence, or a destroyed connection. */
export type Outcome = Answer | 'no-answer' | 'connection-reset';

const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export function isGuid(text: unknown): text is string {
  return typeof text === 'string' && guid.test(text);
}

/** Writes an answer as Partner Center does: successful JSON begins with a UTF-8 byte order mark, errors do not. */
export function writeAnswer(request: Request, response: Response, answer: Answer): void {
  const json = answer.json === undefined ? undefined : JSON.stringify(answer.json);
  const isMarked = json !== undefined && answer.status < 300 && !answer.isFromGateway;
  const body = Buffer.from(answer.text ?? (isMarked ? `\uFEFF${json}` : (json ?? '')));
  const type: Record<string, string> =
    json === undefined ? {} : { 'Content-Type': 'application/json; charset=utf-8' };
  const headers = {
    ...(answer.isFromGateway ? {} : microsoftHeaders(request)),
    ...type,
    ...answer.headers,
    'Content-Length': String(body.length),
  };
  if (answer.reasonPhrase === undefined) response.writeHead(answer.status, headers);
  else response.writeHead(answer.status, answer.reasonPhrase, headers);
  if (answer.breaksOff === undefined) response.end(body);
  else breakOff(response, body, answer.breaksOff);
}

/** Sends all but the last byte; `Content-Length` has promised the whole. */
function breakOff(response: Response, body: Buffer, how: 'reset' | 'stall'): void {
  response.write(body.subarray(0, -1), () => {
    // Time for the headers to be read: a reset overtakes what is still on its way.
    if (how === 'reset') setTimeout(() => response.socket?.resetAndDestroy(), 20).unref();
  });
}

/** Ids are echoed, or made where they are missing; Microsoft's support asks for them and for MS-CV and MS-ServerId. */
function microsoftHeaders(request: Request): Record<string, string> {
  const requestId = request.get('MS-RequestId');
  const correlationId = request.get('MS-CorrelationId');
  return {
    'MS-RequestId': isGuid(requestId) ? requestId : randomUUID(),
    'MS-CorrelationId': isGuid(correlationId) ? correlationId : randomUUID(),
    'MS-CV': `${randomUUID().replaceAll('-', '').slice(0, 16)}.0`,
    'MS-ServerId': '030020525',
    'X-Locale': request.get('X-Locale') ?? 'en-US',
  };
}
