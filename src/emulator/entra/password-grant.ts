import { type Context, errors, type Provider } from 'oidc-provider';
import { callerAudience, type EmulatedUser } from '../identities.ts';
import { resourceOf, resourceServerInfo } from './resources.ts';

/**
 * `grant_type=password`, so that a command line gets a user's token without a browser.
 * Entra ID supports it (and advises against it): https://learn.microsoft.com/entra/identity-platform/v2-oauth-ropc
 * The username is the user's short name or principal name, the password the short name.
 */
export function registerPasswordGrant(provider: Provider, users: readonly EmulatedUser[]): void {
  provider.registerGrantType('password', (context) => answerPasswordGrant(context, users), [
    'username',
    'password',
    'scope',
  ]);
}

async function answerPasswordGrant(context: Context, users: readonly EmulatedUser[]): Promise<void> {
  const { params, client, provider } = context.oidc;
  const username = params['username']?.toLowerCase();
  const user = users.find(
    ({ name, userPrincipalName }) => username === name || username === userPrincipalName,
  );
  if (!user || params['password'] !== user.name) throw new errors.InvalidGrant('wrong password');

  const resource = resourceOf(params['scope']);
  if (resource !== `api://${callerAudience}`) throw new errors.InvalidTarget();
  const info = resourceServerInfo(resource, user.scopes);
  const token = new provider.AccessToken({ accountId: user.objectId, client, gty: 'password' });
  token.resourceServer = new provider.ResourceServer(resource, info);
  const offered = info.scope.split(' ');
  token.scope = (params['scope'] ?? '')
    .split(' ')
    .filter((scope) => offered.includes(scope))
    .join(' ');
  if (token.scope === '') throw new errors.InvalidGrant('no consent for the requested scopes');
  const accessToken = await token.save();
  context.body = {
    token_type: token.tokenType,
    scope: token.scope,
    expires_in: token.expiration,
    access_token: accessToken,
  };
}
