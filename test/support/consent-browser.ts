/** A browser in miniature: follows the emulator's redirects by hand and carries cookies. */
export interface ConsentBrowser {
  /** Goes to the sign-in page and picks an account (`''` declines); returns where Entra ID sends the browser then. */
  signIn(authorizationUrl: string, user: string): Promise<URL>;
}

export function createConsentBrowser(): ConsentBrowser {
  const cookies = new Map<string, string>();

  async function go(target: string, init: RequestInit = {}) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(target, { ...init, redirect: 'manual', headers: { cookie } });
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';');
      cookies.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1));
    }
    return response;
  }

  return {
    async signIn(authorizationUrl, user) {
      const locationOf = (response: Response) =>
        new URL(response.headers.get('location') ?? '', authorizationUrl).href;
      const signInUrl = locationOf(await go(authorizationUrl));
      await go(signInUrl);
      const body = new URLSearchParams({ user });
      const resume = locationOf(await go(signInUrl, { method: 'POST', body }));
      return new URL(locationOf(await go(resume)));
    },
  };
}
