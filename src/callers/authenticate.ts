import { createHash } from 'node:crypto';
import type { RequestHandler, Response } from 'express';
import { LRUCache } from 'lru-cache';
import { AuthenticationRequiredError, InvalidTokenError } from '../errors.ts';
import { describeRefusal, readToken } from './access-token.ts';
import { createBearerVerifier } from './bearer-strategy.ts';
import { type Caller, toCaller } from './caller.ts';
import type { SigningKeys, TrustedKeys } from './signing-keys.ts';

export interface AuthenticateParts {
  readonly tenantId: string;
  /** The application id of our API. */
  readonly audience: string;
  readonly signingKeys: SigningKeys;
  readonly now?: () => number;
}

interface VerifiedToken {
  readonly caller: Caller;
  readonly keyId: string;
  readonly expiresOnTimestamp: number;
}

/**
 * The caller of a request that `authenticate` let in.
 * @throws {AuthenticationRequiredError} it let in none
 */
export function getCaller(res: Response): Caller {
  const caller = res.locals['caller'] as Caller | undefined; // set below, nowhere else
  if (!caller) throw new AuthenticationRequiredError('A bearer token of Entra ID is required.');
  return caller;
}

const mostRememberedTokens = 10_000;

/**
 * Lets in requests that carry an access token of the configured tenant for our API, in the `Authorization` header
 * (RFC 6750, section 2.1) and nowhere else. A token that has been verified is remembered until it expires or its key
 * is withdrawn, so that a poll does not pay for RSA again.
 * @throws {AuthenticationRequiredError | InvalidTokenError | IdentityProviderUnavailableError}
 */
export function createAuthenticate({
  tenantId,
  audience,
  signingKeys,
  now = Date.now,
}: AuthenticateParts): RequestHandler {
  const audiences = [audience, `api://${audience}`];
  // An API registered with the default settings receives version 1 tokens; their issuer stands in no version 2 metadata.
  const toIssuers = ({ issuer }: TrustedKeys) => [
    issuer,
    `https://sts.windows.net/${tenantId}/`,
    `https://sts.chinacloudapi.cn/${tenantId}/`,
  ];
  const getKeys = () => {
    if (!signingKeys.current) throw new Error('No signing keys'); // `get` has thrown before this can be
    return signingKeys.current;
  };
  const verify = createBearerVerifier({ clientId: audience, audiences, toIssuers, getKeys });
  const verifiedTokens = new LRUCache<string, VerifiedToken>({ max: mostRememberedTokens });

  async function recall(hash: string): Promise<Caller | undefined> {
    const verified = verifiedTokens.get(hash);
    if (!verified) return undefined;
    const { pemByKeyId } = await signingKeys.get(verified.keyId);
    if (verified.expiresOnTimestamp > now() && pemByKeyId.has(verified.keyId)) return verified.caller;
    verifiedTokens.delete(hash);
    return undefined;
  }

  async function verifyToken(token: string, hash: string): Promise<Caller> {
    const unverified = readToken(token);
    if (!unverified) throw new InvalidTokenError('The token is not a signed JWT of Entra ID.');
    const keys = await signingKeys.get(unverified.keyId);
    const claims = await verify(token);
    const caller = claims && toCaller(claims, tenantId);
    if (!claims || !caller)
      throw new InvalidTokenError(
        describeRefusal(unverified, { audiences, issuers: toIssuers(keys), now: now() }),
      );
    verifiedTokens.set(hash, {
      caller,
      keyId: unverified.keyId,
      expiresOnTimestamp: Number(claims['exp']) * 1000,
    });
    return caller;
  }

  return async function authenticate(req, res, next) {
    const { authorization = '' } = req.headers;
    // RFC 6750, section 3.1: no token, or another scheme, is no bad token; the challenge has no error code then.
    if (!/^Bearer +\S/i.test(authorization))
      throw new AuthenticationRequiredError(
        'A bearer token of Entra ID is required in the Authorization header.',
      );
    const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
    if (!token)
      throw new InvalidTokenError('The Authorization header must hold the word Bearer and one token.');
    const hash = createHash('sha256').update(token).digest('base64');
    res.locals['caller'] = (await recall(hash)) ?? (await verifyToken(token, hash));
    next();
  };
}
