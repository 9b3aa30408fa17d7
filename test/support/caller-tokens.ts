import { sign as signBytes } from 'node:crypto';
import type { Emulator } from '../../src/emulator/emulator.ts';
import {
  applications,
  callerAudience,
  callers,
  callerTenantId,
  signInClientId,
} from '../../src/emulator/identities.ts';

export type Claims = Readonly<Record<string, unknown>>;

export interface TokenChanges {
  /** Of Entra ID's two forms of access tokens; default 2. */
  readonly version?: 1 | 2;
  /** What differs from a valid header; `undefined` leaves a field out. */
  readonly header?: Claims;
  /** The signature, where it shall not be Entra ID's own. */
  readonly sign?: (content: string) => Buffer;
}

/** Mints tokens that are valid in every claim; a test names only what it breaks, `undefined` leaves a claim out. */
export interface CallerTokens {
  /** Alice's, through the web app by which users sign in; she may order and read. */
  user(claims?: Claims, changes?: TokenChanges): Promise<string>;
  /** The portal's own; it may order and read. */
  application(claims?: Claims, changes?: TokenChanges): Promise<string>;
}

export const encodePart = (value: unknown): string =>
  Buffer.from(JSON.stringify(value)).toString('base64url');

export const decodePart = (part: string | undefined): Record<string, unknown> =>
  JSON.parse(Buffer.from(part ?? '', 'base64url').toString());

export const secondsFromNow = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds;

/** The signature of RS256, with any key. */
export const rs256 =
  (privateKey: Parameters<typeof signBytes>[2]) =>
  (content: string): Buffer =>
    signBytes('sha256', Buffer.from(content), privateKey);

export function createCallerTokens({ authority, entra }: Emulator): CallerTokens {
  const frame = (version: 1 | 2, clientId: string): Claims => ({
    iat: secondsFromNow(-600),
    nbf: secondsFromNow(-600),
    exp: secondsFromNow(3600),
    tid: callerTenantId,
    ...(version === 1
      ? {
          ver: '1.0',
          aud: `api://${callerAudience}`,
          iss: `https://sts.windows.net/${callerTenantId}/`,
          appid: clientId,
        }
      : { ver: '2.0', aud: callerAudience, iss: `${authority}/${callerTenantId}/v2.0`, azp: clientId }),
  });

  async function mint(claims: Claims, { version = 2, header, sign }: TokenChanges): Promise<string> {
    const [ownHeader] = (await entra.sign({})).split('.');
    const { kid } = decodePart(ownHeader);
    const wholeHeader = { ...(version === 1 ? { x5t: kid } : {}), ...header };
    const token = await entra.sign(claims, wholeHeader);
    if (!sign) return token;
    const content = token.split('.').slice(0, 2).join('.');
    return `${content}.${sign(content).toString('base64url')}`;
  }

  return {
    user(claims, changes = {}) {
      const { objectId: oid, subject: sub, scopes } = callers.alice;
      const person = { oid, sub, scp: scopes.join(' ') };
      return mint({ ...frame(changes.version ?? 2, signInClientId), ...person, ...claims }, changes);
    },
    application(claims, changes = {}) {
      const { clientId, objectId, appRoles } = applications.portal;
      const service = { idtyp: 'app', oid: objectId, sub: objectId, roles: appRoles };
      return mint({ ...frame(changes.version ?? 2, clientId), ...service, ...claims }, changes);
    },
  };
}
