import { createHash, randomUUID, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { CertificateAuthorityOptions, CertificateOptions } from 'mkcert';

/** A certificate and its private key, both PEM. */
export interface CertificateWithKey {
  cert: string;
  key: string;
}

/** The emulator's certificate authority: `path` is the file with its certificate, for clients to trust. */
export interface CertificateAuthority extends CertificateWithKey {
  path: string;
}

/** What the worker is asked to make. */
export type CertificateRequest = { authority: CertificateAuthorityOptions } | { server: CertificateOptions };

const authorityValidityDays = 3650;
const leafValidityDays = 365;

/**
 * Reads the certificate authority kept in `dataDirectory`, or makes it on the first start (and again when it
 * would end before a new server certificate). Several processes may start at the same moment: certificate and key
 * live in one file that is linked into place, so all of them end up with the same pair.
 */
export async function openCertificateAuthority(dataDirectory: string): Promise<CertificateAuthority> {
  await mkdir(dataDirectory, { recursive: true });
  const pair = await openPair({
    path: join(dataDirectory, 'ca-with-private-key.pem'),
    create: createAuthority,
    isUsable: (certificate) => endsAfter(certificate, leafValidityDays + 1),
  });
  const path = join(dataDirectory, 'ca.pem');
  if ((await readIfThere(path)) !== pair.cert) await writeAtomically(path, pair.cert, 0o644);
  return { ...pair, path };
}

function createAuthority(): Promise<CertificateWithKey> {
  return make({
    authority: {
      // A name of its own: a client that trusts two authorities of one name tries only one of them.
      organization: `Product Upgrade Gateway emulator ${randomUUID().slice(0, 8)}`,
      countryCode: 'US',
      state: 'None',
      locality: 'localhost',
      validity: authorityValidityDays,
    },
  });
}

/**
 * A server certificate for the names and addresses, signed by the authority. It is kept as well: making it
 * would be most of the time of a start.
 */
export async function openServerCertificate(
  dataDirectory: string,
  authority: CertificateWithKey,
  names: readonly string[],
): Promise<CertificateWithKey> {
  const domains = [...new Set(names)];
  const label = createHash('sha256').update(domains.join()).digest('hex').slice(0, 8);
  const ca = { cert: authority.cert, key: authority.key };
  const issuer = new X509Certificate(authority.cert);
  return openPair({
    path: join(dataDirectory, `server-${label}-with-private-key.pem`),
    create: () => make({ server: { ca, domains, validity: leafValidityDays } }),
    isUsable: (certificate) => endsAfter(certificate, 30) && certificate.verify(issuer.publicKey),
  });
}

/**
 * Makes a certificate in a worker: it is signed in plain JavaScript, which holds up whatever else the process does,
 * and in a test runner's sandbox takes ten times as long.
 */
async function make(request: CertificateRequest): Promise<CertificateWithKey> {
  const worker = new Worker(new URL('./certificate-worker.mts', import.meta.url), {
    workerData: request,
    // What this process was started with (--eval, --input-type) need not fit a worker.
    execArgv: [],
  });
  // `once` rejects when the worker fails.
  const [pair] = await once(worker, 'message');
  return pair;
}

interface PairFile {
  path: string;
  create(): Promise<CertificateWithKey>;
  isUsable(certificate: X509Certificate): boolean;
}

/** Reads a pair, or makes it where there is none that is usable. Whoever links the file first decides for all. */
async function openPair(file: PairFile): Promise<CertificateWithKey> {
  const known = await readPair(file);
  if (known) return known;
  const { cert, key } = await file.create();
  const temporary = `${file.path}.${randomUUID()}`;
  await writeFile(temporary, `${cert}${key}`, { mode: 0o600, flag: 'wx' });
  try {
    await link(temporary, file.path);
    return { cert, key };
  } catch (error) {
    if (!isErrorCode(error, 'EEXIST')) throw error;
    const winner = await readPair(file);
    if (winner) return winner;
    // What is there is unreadable or about to expire: replace it.
    await rename(temporary, file.path);
    return { cert, key };
  } finally {
    await rm(temporary, { force: true });
  }
}

async function readPair({ path, isUsable }: PairFile): Promise<CertificateWithKey | undefined> {
  const text = await readIfThere(path);
  const cert = text?.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\r?\n/)?.[0];
  const key = text?.match(/-----BEGIN RSA PRIVATE KEY-----[^-]+-----END RSA PRIVATE KEY-----\r?\n/)?.[0];
  if (!cert || !key) return undefined;
  return isUsable(new X509Certificate(cert)) ? { cert, key } : undefined;
}

function endsAfter(certificate: X509Certificate, days: number): boolean {
  return Date.parse(certificate.validTo) > Date.now() + days * 86_400_000;
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isErrorCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

async function writeAtomically(path: string, text: string, mode: number): Promise<void> {
  const temporary = `${path}.${randomUUID()}`;
  await writeFile(temporary, text, { mode });
  await rename(temporary, path);
}

function isErrorCode(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}
