import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { CredentialStoreError } from './credential-store-error.ts';
import { makeFolder, removeTemporaries, writeAtomically } from './durable-file.ts';
import { type FileLockOptions, type HeldLock, withFileLock } from './file-lock.ts';
import { createOneAtATime } from './one-at-a-time.ts';
import type { CredentialStore, PartnerCredential, StoredCredential } from './ports.ts';
import { supersedes } from './supersedes.ts';

export interface FileCredentialStoreParts {
  readonly path: string;
  /** 32 bytes. */
  readonly key: Buffer;
  /** Binds the file to its partner: another partner's file does not open. */
  readonly partnerTenantId: string;
  readonly clientId: string;
  readonly lock?: FileLockOptions;
}

const algorithm = 'aes-256-gcm';
/** Two refresh tokens of the largest size that Key Vault would take, encrypted and in base64, with room to spare. */
const maxFileBytes = 256 * 1024;

/** In the one form that encoding gives: bits that decoding would ignore count as damage. */
const base64 = (length?: number) =>
  z.string().transform((text, context) => {
    const bytes = Buffer.from(text, 'base64');
    const isExact = bytes.toString('base64') === text && (length === undefined || bytes.length === length);
    if (!isExact) context.addIssue({ code: 'custom', message: 'is not base64 of that length' });
    return bytes;
  });

const envelopeSchema = z.strictObject({
  version: z.literal(1),
  partnerTenantId: z.guid(),
  clientId: z.guid(),
  keyId: z.string(),
  nonce: base64(12),
  tag: base64(16),
  ciphertext: base64(),
});
type Envelope = z.infer<typeof envelopeSchema>;

const credentialSchema: z.ZodType<PartnerCredential> = z.object({
  refreshToken: z.string().min(1),
  issuedAt: z.number(),
  consentedAt: z.number().exactOptional(),
  consentedBy: z.string().exactOptional(),
  hasMfa: z.boolean().exactOptional(),
});
const storedSchema: z.ZodType<StoredCredential> = z.object({
  current: credentialSchema,
  previous: credentialSchema.exactOptional(),
});

/**
 * Keeps the partner credential in a file of its own, encrypted with AES-256-GCM under a fresh nonce, mode 0600.
 * Several processes of one machine may share it: a lock makes comparing and replacing one step, since without it a
 * renewal could replace the stronger credential of a consent that it did not see.
 */
export function createFileCredentialStore({
  path,
  key,
  partnerTenantId,
  clientId,
  lock,
}: FileCredentialStoreParts): CredentialStore {
  // Says which key a file wants, and nothing about the key: so a wrong key is told from a damaged file.
  const keyId = createHmac('sha256', key).update('partner credential key').digest('hex').slice(0, 16);
  // Authenticated with the ciphertext, so that neither can be exchanged.
  const owner = Buffer.from(`1 ${partnerTenantId} ${clientId} ${keyId}`);

  const oneAtATime = createOneAtATime();

  function encrypt(stored: StoredCredential): string {
    const nonce = randomBytes(12);
    const cipher = createCipheriv(algorithm, key, nonce).setAAD(owner);
    const ciphertext = Buffer.concat([cipher.update(JSON.stringify(stored), 'utf8'), cipher.final()]);
    const toBase64 = (bytes: Buffer) => bytes.toString('base64');
    return `${JSON.stringify({
      version: 1,
      partnerTenantId,
      clientId,
      keyId,
      nonce: toBase64(nonce),
      tag: toBase64(cipher.getAuthTag()),
      ciphertext: toBase64(ciphertext),
    })}\n`;
  }

  function decrypt(envelope: Envelope): StoredCredential {
    if (envelope.partnerTenantId !== partnerTenantId || envelope.clientId !== clientId)
      throw new CredentialStoreError(
        'foreign',
        `${path} holds the credential of partner ${envelope.partnerTenantId}, application ${envelope.clientId}. Use another file, or set PARTNER_TENANT_ID and PARTNER_CLIENT_ID to these.`,
      );
    if (envelope.keyId !== keyId)
      throw new CredentialStoreError(
        'wrongKey',
        `${path} was encrypted with another key than CREDENTIAL_KEY. Set the former key again, or move the file away and consent again.`,
      );
    try {
      const decipher = createDecipheriv(algorithm, key, envelope.nonce, { authTagLength: 16 })
        .setAAD(owner)
        .setAuthTag(envelope.tag);
      const plain = Buffer.concat([decipher.update(envelope.ciphertext), decipher.final()]);
      return storedSchema.parse(JSON.parse(plain.toString('utf8')));
    } catch (cause) {
      throw damaged(path, cause);
    }
  }

  async function load(): Promise<StoredCredential | undefined> {
    const text = await readWhole(path);
    return text === undefined ? undefined : decrypt(parseEnvelope(text, path));
  }

  async function replace(next: PartnerCredential, held: HeldLock): Promise<boolean> {
    await removeTemporaries(path); // under the lock there is no other writer whose they could be
    const stored = await load(); // refuses to replace a file that it cannot read
    if (!supersedes(next, stored?.current)) return false;
    // Where the token stays, so does the one before it: a token is no fallback for itself.
    const isSameToken = stored?.current.refreshToken === next.refreshToken;
    const previous = isSameToken ? stored?.previous : stored?.current;
    const encrypted = encrypt({ current: next, ...(previous && { previous }) });
    await writeAtomically(path, encrypted, held.requireHeld);
    return true;
  }

  return {
    load,
    save: (next) =>
      oneAtATime(async () => {
        try {
          await makeFolder(dirname(path));
          return await withFileLock(path, (held) => replace(next, held), lock);
        } catch (error) {
          throw error instanceof CredentialStoreError ? error : inaccessible(path, 'written', error);
        }
      }),
  };
}

const damaged = (path: string, cause: unknown) =>
  new CredentialStoreError(
    'damaged',
    `${path} is not a whole partner credential: it was changed or cut short. Restore it from a backup, or move it away and consent again.`,
    { cause },
  );

/** The system's code is enough: its sentences repeat the path. */
function inaccessible(path: string, what: 'read' | 'written', cause: unknown): CredentialStoreError {
  const code = typeof cause === 'object' && cause && 'code' in cause ? ` (${String(cause.code)})` : '';
  return new CredentialStoreError(
    'inaccessible',
    `${path} cannot be ${what}${code}. The gateway's user needs to read and write it and its folder.`,
    { cause },
  );
}

/** Reads a regular file of a sane size; undefined if there is none. */
async function readWhole(path: string): Promise<string | undefined> {
  try {
    const facts = await lstat(path);
    if (!facts.isFile())
      throw new CredentialStoreError(
        'damaged',
        `${path} is ${facts.isSymbolicLink() ? 'a symbolic link' : facts.isDirectory() ? 'a folder' : 'not a regular file'}, where the gateway keeps a file of its own. Move it away, or name another path in CREDENTIAL_STORE.`,
      );
    // A link or a pipe that took its place since is not followed or waited for (Windows has neither flag).
    const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
    const file = await open(path, flags);
    try {
      if ((await file.stat()).size > maxFileBytes) throw damaged(path, new Error('too large'));
      return await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof CredentialStoreError) throw error;
    if (typeof error === 'object' && error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw inaccessible(path, 'read', error);
  }
}

function parseEnvelope(text: string, path: string): Envelope {
  try {
    return envelopeSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw damaged(path, cause);
  }
}
