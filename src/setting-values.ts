import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { z } from 'zod';

// What a setting's value may look like. A value is never shown: some are secret.

export const guid = z.guid({ error: 'must be a GUID' }).transform((value) => value.toLowerCase());
export const wholeNumber = (
  min: number,
  max: number,
  error = `must be a whole number from ${min} to ${max}`,
) =>
  // Number() takes blanks for 0: a free port, no proxy.
  z.preprocess(
    (value) => (typeof value === 'string' && value.trim() === '' ? undefined : value),
    z.coerce.number({ error }).int({ error }).min(min, { error }).max(max, { error }),
  );
export const port = wholeNumber(0, 65_535, 'must be a port, 0 to 65535');

/** A base URL without a trailing slash. Plain http is for loopback alone: what is sent there carries tokens. */
export const baseUrl = z.string({ error: 'must be a URL' }).transform((value, context) => {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  const isLoopback = url && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (!url || !(url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback)))
    context.addIssue({ code: 'custom', message: 'must be an https:// URL (http:// only for localhost)' });
  else if (url.username || url.password || url.search || url.hash)
    context.addIssue({ code: 'custom', message: 'must be a plain URL: no user, query or fragment' });
  return value.replace(/\/+$/, '');
});

/** Callers may reach the gateway by http behind a proxy that ends TLS elsewhere. */
export const publicUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' })
  .refine((value) => {
    const { username, password } = new URL(value);
    return !(username || password || /[?#]/.test(value)); // it is logged, shown, and continued with paths
  }, 'must be a plain URL: no user, query or fragment')
  .transform((value) => value.replace(/\/+$/, ''));

export const origins = z.string().transform((value, context) => {
  const list = value
    .split(',')
    .map((origin) => origin.trim())
    .filter(Boolean);
  for (const [index, origin] of list.entries())
    if (!URL.canParse(origin) || new URL(origin).origin !== origin)
      context.addIssue({
        code: 'custom',
        message: `entry ${index + 1} is not an origin, such as https://apps.example.com`,
      });
  return list;
});

/** Entra ID's portal shows our API by either form. */
export const audience = z.preprocess(
  (value) => (typeof value === 'string' ? value.replace(/^api:\/\//i, '') : value),
  guid,
);

export const credentialStore = z.string().transform((value, context) => {
  const file = /^file:(.+)$/.exec(value)?.[1];
  if (file) return { kind: 'file' as const, path: file };
  const [, vaultUrl, secretName] =
    /^keyvault:(https:\/\/[^/@?#\s]+)\/([0-9A-Za-z-]{1,127})$/.exec(value) ?? [];
  if (vaultUrl && secretName) return { kind: 'keyvault' as const, vaultUrl, secretName };
  context.addIssue({
    code: 'custom',
    message: 'must be file:PATH or keyvault:https://NAME.vault.azure.net/SECRET-NAME',
  });
  return z.NEVER;
});

export const encryptionKey = z.string().transform((value, context) => {
  const key = Buffer.from(value, 'base64');
  if (key.length !== 32 || key.toString('base64') !== value)
    context.addIssue({ code: 'custom', message: 'must be 32 bytes in base64 (openssl rand -base64 32)' });
  return key;
});

export const database = z.string().transform((value, context) => {
  const path = /^sqlite:(.+)$/.exec(value)?.[1];
  if (path) return { kind: 'sqlite' as const, path };
  if (/^postgres(ql)?:\/\/./.test(value) && URL.canParse(value))
    return { kind: 'postgres' as const, url: value };
  context.addIssue({ code: 'custom', message: 'must be sqlite:PATH or postgres://…' });
  return z.NEVER;
});

/** Reads a PEM file that holds a private key and the certificate that belongs to it. Entra ID takes RSA keys alone. */
export const certificateFile = z.string().transform((path, context) => {
  try {
    const pem = readFileSync(path, 'utf8');
    const privateKey = createPrivateKey(pem);
    const certificate = new X509Certificate(pem);
    if (!certificate.checkPrivateKey(privateKey)) throw new Error('mismatch');
    if (privateKey.asymmetricKeyType !== 'rsa') {
      context.addIssue({ code: 'custom', message: 'must hold an RSA key: Entra ID takes no other kind' });
      return z.NEVER;
    }
    return { privateKey, certificate };
  } catch {
    context.addIssue({
      code: 'custom',
      message: 'must be the path of a readable PEM file with a private key and its certificate',
    });
    return z.NEVER;
  }
});

/** A resource's URI and a right on it, or its `.default`; empty for the one that PARTNER_CENTER_URL has. */
export const scope = z.string().refine((value) => {
  if (value === '') return true;
  return /^(https?|api):\/\/[^\s?#]+\/[^\s/?#]+$/.test(value) && URL.canParse(value);
}, 'must be one scope: a URL with a right at its end, such as https://api.partnercenter.microsoft.com/user_impersonation');

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

export const logLevel = z.enum(logLevels, {
  error: `must be ${logLevels.slice(0, -1).join(', ')} or ${logLevels.at(-1)}`,
});

/** Text that is not empty. */
export const text = z.string({ error: 'must be text' }).min(1, 'must not be empty');
