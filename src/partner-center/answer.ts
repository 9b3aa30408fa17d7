import type { UpstreamReference } from '../errors.ts';

/** What came back from Partner Center. `body` is the parsed JSON, or undefined where there is none to parse. */
export interface PartnerCenterAnswer {
  readonly status: number;
  readonly reasonPhrase: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: unknown;
}

/** Parses JSON that may begin with a byte order mark, as Partner Center's 2xx bodies do; undefined if it is broken. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    return undefined;
  }
}

const header = (answer: PartnerCenterAnswer, name: string): string | undefined => {
  const value = answer.headers[name];
  return typeof value === 'string' && value.length <= 200 ? value : undefined;
};

/** Partner Center's code for an error: documented as a string, a number in every capture; `statusCode` is throttling. */
export function errorCode({ body }: PartnerCenterAnswer): string | undefined {
  if (typeof body !== 'object' || body === null || !('code' in body)) return undefined;
  const { code } = body;
  return (typeof code === 'number' || typeof code === 'string') && /^\w{1,40}$/.test(String(code))
    ? String(code)
    : undefined;
}

/** What Microsoft's support asks for. */
export function toUpstreamReference(answer: PartnerCenterAnswer): UpstreamReference {
  const facts = {
    code: answer.status >= 400 ? errorCode(answer) : undefined,
    requestId: header(answer, 'ms-requestid'),
    correlationId: header(answer, 'ms-correlationid'),
    cv: header(answer, 'ms-cv'),
  };
  return {
    status: answer.status,
    ...Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)),
  };
}

// Microsoft asks for a minute or so: a mistaken header must not put an order or an upgrade to sleep for years.
const longestRetryAfterSeconds = 3_600;

/** Seconds of a `Retry-After` header, which holds seconds or an HTTP date (RFC 9110, section 10.2.3); an hour at most. */
export function parseRetryAfter(value: unknown, now: number): number | undefined {
  if (typeof value !== 'string') return undefined;
  // Date.parse takes numbers for dates, too; those of HTTP begin with a day's name.
  const date = /^[A-Z]/i.test(value) ? Date.parse(value) : Number.NaN;
  const seconds = /^\d{1,9}$/.test(value) ? Number(value) : Math.ceil((date - now) / 1000);
  return Number.isFinite(seconds) ? Math.min(longestRetryAfterSeconds, Math.max(0, seconds)) : undefined;
}
