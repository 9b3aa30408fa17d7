import type { Emulator } from '../../../src/emulator/emulator.ts';

export interface UpstreamAnswer {
  status: number;
  statusText: string;
  headers: Headers;
  /** Whether the body begins with a UTF-8 byte order mark. */
  isMarked: boolean;
  text: string;
  /** The body parsed, undefined where it is no JSON. */
  json: Record<string, unknown> | undefined;
}

export const customerId = '4c721420-72ad-4708-a0a7-371a2f7b0969';
export const order = { customerId, productFamily: 'Azure' };

/** Calls the emulated Partner Center with a token, as clients do. */
export function createPartnerCenterClient(emulator: Emulator, token: string) {
  async function post(
    path: string,
    body: unknown,
    headers: Record<string, string> = {},
  ): Promise<UpstreamAnswer> {
    const response = await fetch(`${emulator.partnerCenterUrl}/v1/${path}`, {
      method: 'POST',
      redirect: 'manual',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
      signal: AbortSignal.timeout(1000),
    });
    const bytes = Buffer.from(await response.arrayBuffer());
    const isMarked = bytes.subarray(0, 3).toString('hex') === 'efbbbf';
    const text = bytes.subarray(isMarked ? 3 : 0).toString('utf8');
    const { status, statusText } = response;
    return { status, statusText, headers: response.headers, isMarked, text, json: parse(text) };
  }
  return {
    post,
    create: (headers?: Record<string, string>, body: unknown = order) =>
      post('productUpgrades', body, headers),
    status: (upgradeId: string, body: unknown = order) => post(`productUpgrades/${upgradeId}/status`, body),
    eligibility: (headers?: Record<string, string>, body: unknown = order) =>
      post('productUpgrades/eligibility', body, headers),
  };
}

export type PartnerCenterClient = ReturnType<typeof createPartnerCenterClient>;

/** The id at the end of a Location. */
export function upgradeIdOf({ headers }: UpstreamAnswer): string {
  return headers.get('location')?.split('/').at(-1) ?? '';
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
