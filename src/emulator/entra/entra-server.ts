import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Journal } from '../journal.ts';
import { readBody } from '../read-body.ts';
import { aadstsBody, statusOf } from './aadsts.ts';
import { metadataPaths } from './entra-wire.ts';
import { handleSignIn } from './sign-in.ts';
import type { Tenant } from './tenant.ts';
import type { TokenFaults } from './token-faults.ts';

/** A request that reached the emulated Entra ID. Query, headers and body are left out: they carry secrets. */
export interface EntraRequest {
  /** Milliseconds since 1970. */
  at: number;
  method: string;
  path: string;
  /** Of a token request, once it was read. */
  grantType?: string;
}

export interface EntraServerParts {
  authority: string;
  tenants: ReadonlyMap<string, Tenant>;
  /** The tenant that ordered token failures are for. */
  failingTenantId: string;
  faults: TokenFaults;
  journal: Journal<EntraRequest>;
  /** Records by request, so that the grant type can be added when the body has been read. */
  records: WeakMap<IncomingMessage, EntraRequest>;
  /** Value of the header by which the emulator's own controls get past outages and records. */
  controlKey: string;
  now(): number;
}

export const controlHeader = 'x-emulator-control';

type Page = 'metadata-v2' | 'metadata-v1' | 'keys' | 'token' | 'authorize' | 'sign-in' | 'other';

/** Requests to `https://login.microsoftonline.com/{tenant}/…`: records, outages, ordered failures, then the tenant. */
export function createEntraHandler(parts: EntraServerParts) {
  return function handleEntra(request: IncomingMessage, response: ServerResponse): void {
    const [pathname = ''] = (request.url ?? '').split('?');
    const [, tenantId = '', rest = ''] = /^\/([^/]+)\/(.*)$/.exec(pathname) ?? [];
    const tenant = parts.tenants.get(tenantId.toLowerCase());
    const page = pageOf(rest);
    const isOwn = request.headers[controlHeader] === parts.controlKey;
    if (!isOwn) record(parts, request, pathname);
    // Addresses in metadata are made of the Host header; Entra ID's are always those of its authority.
    request.headers.host = new URL(parts.authority).host;

    if (!isOwn && isPartOfOutage(page) && answerOutage(parts, response, request)) return;
    if (!tenant) {
      sendJson(response, 400, aadstsBody({ error: 'invalid_tenant', code: 90002 }));
      return;
    }
    if (!isOwn && page === 'token' && tenant.tenantId === parts.failingTenantId) {
      const failure = parts.faults.take();
      if (failure) return void answerFailure(parts, request, response, failure);
    }
    if (page === 'sign-in') return void handleSignIn(tenant, request, response);
    forgetEarlierSignIn(request);
    tenant.handle(rewrite(request, page, tenant.tenantId), response);
  };
}

/**
 * Whoever comes to sign in signs in anew: a browser in which another account did so before is not asked to sign that one
 * out first. The provider finds the session by this cookie.
 */
function forgetEarlierSignIn(request: IncomingMessage): void {
  const { cookie } = request.headers;
  if (cookie === undefined) return;
  const kept = cookie
    .split('; ')
    .filter((pair) => !/^entra_[0-9a-f]{8}_session(\.sig|\.legacy)*=/.test(pair));
  request.headers.cookie = kept.join('; ');
}

function pageOf(rest: string): Page {
  switch (rest.toLowerCase()) {
    case 'v2.0/.well-known/openid-configuration':
      return 'metadata-v2';
    case '.well-known/openid-configuration':
      return 'metadata-v1';
    case 'discovery/v2.0/keys':
    case 'discovery/keys':
      return 'keys';
    case 'oauth2/v2.0/token':
      return 'token';
    case 'oauth2/v2.0/authorize':
      return 'authorize';
    default:
      return rest.startsWith('emulator/sign-in/') ? 'sign-in' : 'other';
  }
}

/** Entra's addresses to the provider's: it serves metadata at its root only. */
function rewrite(request: IncomingMessage, page: Page, tenantId: string): IncomingMessage {
  if (page === 'metadata-v2') request.url = metadataPaths.v2;
  if (page === 'metadata-v1') request.url = metadataPaths.v1;
  if (page === 'keys') request.url = `/${tenantId}/discovery/v2.0/keys`;
  if (page === 'authorize') showSignInPage(request);
  return request;
}

/**
 * Every authorization request leads to the sign-in page: an earlier session is not taken up, so that a person
 * (or a test) can choose another user each time. The provider hands out `offline_access` only when consent is asked for.
 */
function showSignInPage(request: IncomingMessage): void {
  delete request.headers.cookie;
  const url = new URL(request.url ?? '/', 'https://localhost');
  if (url.searchParams.get('prompt') !== 'none') url.searchParams.set('prompt', 'consent');
  request.url = `${url.pathname}${url.search}`;
}

function record({ journal, records, now }: EntraServerParts, request: IncomingMessage, path: string): void {
  const entry: EntraRequest = { at: now(), method: request.method ?? '', path };
  journal.add(entry);
  records.set(request, entry);
}

function isPartOfOutage(page: Page): boolean {
  return page === 'metadata-v1' || page === 'metadata-v2' || page === 'keys' || page === 'token';
}

/** @returns whether the request was dealt with */
function answerOutage(
  { faults }: EntraServerParts,
  response: ServerResponse,
  request: IncomingMessage,
): boolean {
  switch (faults.outage()) {
    case 'none':
      return false;
    case 'refuse-connections':
      request.socket.destroy();
      return true;
    case 'server-error':
      sendJson(response, 503, aadstsBody({ error: 'temporarily_unavailable', code: 90033 }));
      return true;
    case 'not-json':
      response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' });
      response.end('<html><body><h1>Service unavailable</h1></body></html>');
      return true;
    case 'never-answers':
      return true;
  }
}

async function answerFailure(
  { records }: EntraServerParts,
  request: IncomingMessage,
  response: ServerResponse,
  failure: Parameters<typeof aadstsBody>[0],
): Promise<void> {
  const grantType = new URLSearchParams(await readBody(request).catch(() => '')).get('grant_type');
  const entry = records.get(request);
  if (entry && grantType) entry.grantType = grantType;
  sendJson(response, statusOf(failure), aadstsBody(failure));
}

function sendJson(response: ServerResponse, status: number, body: Record<string, unknown>): void {
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Cache-Control': 'no-store',
  });
  response.end(JSON.stringify(body));
}
