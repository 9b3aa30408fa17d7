import type { IncomingMessage, ServerResponse } from 'node:http';
import type { EmulatedUser } from '../identities.ts';
import { partnerTenantId } from '../identities.ts';
import { readBody } from '../read-body.ts';
import { resourceOf } from './resources.ts';
import { errorPage, signInPage } from './sign-in-page.ts';
import type { Tenant } from './tenant.ts';

/** Serves the sign-in page (GET) and takes the choice of a user (POST), which is sign-in and consent in one. */
export async function handleSignIn(
  tenant: Tenant,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    if (request.method === 'POST') await choose(tenant, request, response);
    else await show(tenant, request, response);
  } catch (error) {
    const message = error instanceof Error ? error.message : 'The sign-in failed.';
    sendPage(response, 400, errorPage(`${message} Start again from the application.`));
  }
}

async function show(tenant: Tenant, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { params } = await tenant.provider().interactionDetails(request, response);
  const html = signInPage({
    users: tenant.users,
    tenantId: tenant.tenantId,
    isPartnerTenant: tenant.tenantId === partnerTenantId,
    scopes: (params['scope'] ?? '').split(' '),
  });
  sendPage(response, 200, html);
}

async function choose(tenant: Tenant, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const provider = tenant.provider();
  const { params } = await provider.interactionDetails(request, response);
  const name = new URLSearchParams(await readBody(request)).get('user');
  const user = tenant.users.find((each) => each.name === name);
  const result = user
    ? { login: login(user), consent: { grantId: await grant(tenant, user, params) } }
    : {
        error: 'access_denied',
        error_description: 'AADSTS65004: User declined to consent to access the app.',
      };
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

function login(user: EmulatedUser): Record<string, unknown> {
  return { accountId: user.objectId, amr: [...user.authenticationMethods], remember: false };
}

async function grant(
  tenant: Tenant,
  user: EmulatedUser,
  params: Record<string, string | undefined>,
): Promise<string> {
  const provider = tenant.provider();
  const scope = params['scope'] ?? '';
  const granted = new provider.Grant({ accountId: user.objectId, clientId: params['client_id'] ?? '' });
  granted.addOIDCScope(scope);
  const resource = resourceOf(scope);
  if (resource) granted.addResourceScope(resource, scope);
  return granted.save();
}

function sendPage(response: ServerResponse, status: number, html: string): void {
  response.writeHead(status, {
    'Content-Type': 'text/html; charset=utf-8',
    'Cache-Control': 'no-store',
    // No form-action: browsers apply it to the redirect back to the application too.
    'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  });
  response.end(html);
}
