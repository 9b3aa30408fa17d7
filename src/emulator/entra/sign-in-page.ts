import type { EmulatedUser } from '../identities.ts';

/** Path of the page that a browser is sent to for signing in. */
export function signInPath(tenantId: string, uid: string): string {
  return `/${tenantId}/emulator/sign-in/${uid}`;
}

export interface SignInPageOptions {
  users: readonly EmulatedUser[];
  tenantId: string;
  isPartnerTenant: boolean;
  /** Scopes that the application asks for. */
  scopes: readonly string[];
}

/** The sign-in page: one button for each user, named after the user (`id="ada"`), and one to decline. */
export function signInPage({ users, tenantId, isPartnerTenant, scopes }: SignInPageOptions): string {
  const buttons = users.map(
    (user) =>
      `<button id="${user.name}" name="user" value="${user.name}"><b>${escapeHtml(user.displayName)}</b>` +
      `<span>${escapeHtml(describe(user, tenantId, isPartnerTenant))}</span></button>`,
  );
  return page(
    'Pick an account',
    `<p>The application asks for</p><ul>${scopes.map((scope) => `<li>${escapeHtml(scope)}</li>`).join('')}</ul>
<form method="post">${buttons.join('')}<button id="decline" name="user" value="" class="quiet">Decline</button></form>`,
  );
}

/** A page that says what went wrong, where Entra ID would not redirect either. */
export function errorPage(message: string): string {
  return page('Sorry, but we’re having trouble signing you in', `<p>${escapeHtml(message)}</p>`);
}

function describe(user: EmulatedUser, tenantId: string, isPartnerTenant: boolean): string {
  if (user.tenantId !== tenantId) return 'user of another tenant';
  if (!isPartnerTenant) return user.scopes.join(', ');
  return user.authenticationMethods.includes('mfa')
    ? 'admin agent, with MFA'
    : 'admin agent, password only (no MFA)';
}

function page(title: string, content: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title><style>
body{font:16px/1.5 system-ui,sans-serif;background:#f2f4f7;color:#1b1f24;display:grid;place-items:center;min-height:100vh;margin:0}
main{background:#fff;padding:2rem;border-radius:8px;box-shadow:0 2px 12px #0002;width:min(26rem,90vw)}
h1{font-size:1.3rem;margin:0 0 .5rem}small,span{color:#5b6570}ul{padding-left:1.2rem;overflow-wrap:anywhere}
button{display:block;width:100%;text-align:left;font:inherit;padding:.6rem .9rem;margin:.4rem 0;border:1px solid #c8ced6;border-radius:6px;background:#fff;cursor:pointer}
button:hover,button:focus{background:#eef4fc;border-color:#2b6cb0}button span{display:block;font-size:.85rem}.quiet{border-color:transparent;color:#5b6570}
</style></head><body><main><h1>${title}</h1>${content}<small>Emulated Entra ID: no real account is involved.</small></main></body></html>`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
