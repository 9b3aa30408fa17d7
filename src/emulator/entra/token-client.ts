import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { readBody } from '../read-body.ts';
import { controlHeader } from './entra-server.ts';

/** Posts a form to a tenant's token endpoint and returns the access token; throws with Entra's description. */
export type RequestToken = (tenantId: string, form: Record<string, string>) => Promise<string>;

export interface TokenClientParts {
  /** Address the server listens on. */
  host: string;
  port: number;
  /** PEM of the certificate authority, trusted for these requests only. */
  certificateAuthority: string;
  controlKey: string;
}

const timeoutMs = 10_000;

/** The emulator's own client of its token endpoint. */
export function createTokenClient({
  host,
  port,
  certificateAuthority,
  controlKey,
}: TokenClientParts): RequestToken {
  return async function requestToken(tenantId, form) {
    const body = new URLSearchParams(form).toString();
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = httpsRequest(
        {
          host,
          port,
          // Reached by address, named as in the certificate: `hostname` may not resolve on this machine.
          servername: 'localhost',
          ca: certificateAuthority,
          method: 'POST',
          path: `/${tenantId}/oauth2/v2.0/token`,
          agent: false,
          timeout: timeoutMs,
          headers: {
            'Content-Type': 'application/x-www-form-urlencoded',
            'Content-Length': Buffer.byteLength(body),
            [controlHeader]: controlKey,
          },
        },
        resolve,
      );
      request.on('timeout', () => request.destroy(new Error('the token endpoint did not answer in time')));
      request.on('error', reject);
      request.end(body);
    });
    return accessTokenOf(JSON.parse(await readBody(answer)));
  };
}

function accessTokenOf(body: unknown): string {
  if (typeof body === 'object' && body !== null) {
    if ('access_token' in body && typeof body.access_token === 'string') return body.access_token;
    if ('error_description' in body)
      throw new Error(`no token was issued: ${String(body.error_description)}`);
  }
  throw new Error('the token endpoint answered without a token');
}
