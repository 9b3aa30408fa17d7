import { randomUUID } from 'node:crypto';
import type { Response } from 'express';

/** An HTTP answer of the emulated Key Vault, before it is written. */
export interface VaultAnswer {
  status: number;
  headers?: Readonly<Record<string, string>>;
  json?: Readonly<Record<string, unknown>>;
  /** Body as it is, instead of `json`. */
  text?: string;
}

/**
 * A refusal in Key Vault's form.
 * @param innerCode tells the reasons behind one code apart, e.g. `SecretDisabled`
 */
export function vaultError(status: number, code: string, message: string, innerCode?: string): VaultAnswer {
  return {
    status,
    json: {
      error: { code, message, ...(innerCode === undefined ? {} : { innererror: { code: innerCode } }) },
    },
  };
}

export function writeVaultAnswer(response: Response, { status, headers, json, text }: VaultAnswer): void {
  response.writeHead(status, {
    'Cache-Control': 'no-cache',
    Pragma: 'no-cache',
    'x-ms-keyvault-region': 'westeurope',
    'x-ms-keyvault-service-version': '1.9.0.0',
    'x-ms-request-id': randomUUID(),
    ...(json === undefined ? {} : { 'Content-Type': 'application/json; charset=utf-8' }),
    ...headers,
  });
  response.end(text ?? (json === undefined ? '' : JSON.stringify(json)));
}
