import * as z from 'zod';
import { type VaultAnswer, vaultError } from './answers.ts';
import type { EmulatedSecretVersion, SecretAttributes, SecretBook } from './secret-book.ts';

/** A call on a secret, as its path names it. */
export interface SecretCall {
  method: string;
  /** `secrets` or `deletedsecrets`. */
  collection: string;
  name: string;
  /** What follows the name: a version, `versions` or `recover`. */
  rest: string;
  body: unknown;
}

export const maxValueBytes = 25_600;
const maxTags = 15;
const days90 = 90 * 86_400;

const attributes = z.object({
  enabled: z.boolean().nullish(),
  exp: z.number().int().nullish(),
  nbf: z.number().int().nullish(),
});
const changes = {
  contentType: z.string().max(255).nullish(),
  tags: z.record(z.string().min(1).max(256), z.string().max(256)).nullish(),
  attributes: attributes.nullish(),
};
const setBody = z.object({ value: z.string(), ...changes });
const updateBody = z.object(changes);

/**
 * The operations on secrets, as far as an owner of one secret needs them.
 * Source: https://learn.microsoft.com/rest/api/keyvault/secrets/operation-groups
 * @param url the vault's own, of which ids are made
 */
export function createSecretOperations(book: SecretBook, url: string): (call: SecretCall) => VaultAnswer {
  const bundle = (name: string, found: EmulatedSecretVersion, withValue: boolean) => ({
    ...(withValue ? { value: found.value } : {}),
    ...(found.contentType === undefined ? {} : { contentType: found.contentType }),
    id: `${url}/secrets/${name}/${found.version}`,
    attributes: {
      enabled: found.enabled,
      ...(found.expires === undefined ? {} : { exp: found.expires }),
      created: found.created,
      updated: found.updated,
      recoveryLevel: 'Recoverable+Purgeable',
      recoverableDays: 90,
    },
    tags: found.tags,
  });
  const deletedBundle = (name: string, found: EmulatedSecretVersion) => ({
    ...bundle(name, found, false),
    recoveryId: `${url}/deletedsecrets/${name}`,
    deletedDate: found.updated,
    scheduledPurgeDate: found.updated + days90,
  });

  function get(name: string, version: string): VaultAnswer {
    const found = book.find(name, version);
    if (!found) return notFound(name);
    if (!found.enabled)
      return vaultError(
        403,
        'Forbidden',
        'Operation get is not allowed on a disabled secret.',
        'SecretDisabled',
      );
    return { status: 200, json: bundle(name, found, true) };
  }

  function set(name: string, body: unknown): VaultAnswer {
    const parsed = setBody.safeParse(body);
    if (!parsed.success) return badParameter(parsed.error);
    const { value, ...changed } = parsed.data;
    if (Buffer.byteLength(value) > maxValueBytes)
      return vaultError(400, 'BadParameter', 'The specified secret value is larger than 25 kB.');
    if (Object.keys(changed.tags ?? {}).length > maxTags)
      return vaultError(400, 'BadParameter', `There can be no more than ${maxTags} tags.`);
    if (book.isDeleted(name))
      return vaultError(
        409,
        'Conflict',
        `Secret ${name} is currently in a deleted but recoverable state, and its name cannot be reused; in this state, the secret can only be recovered or purged.`,
        'ObjectIsDeletedButRecoverable',
      );
    return { status: 200, json: bundle(name, book.put(name, value, toAttributes(changed)), true) };
  }

  function update(name: string, version: string, body: unknown): VaultAnswer {
    const parsed = updateBody.safeParse(body);
    if (!parsed.success) return badParameter(parsed.error);
    const found = version === '' ? undefined : book.update(name, version, toAttributes(parsed.data));
    return found ? { status: 200, json: bundle(name, found, false) } : notFound(name);
  }

  function list(name: string): VaultAnswer {
    const versions = book.versions(name);
    if (!versions) return notFound(name);
    return {
      status: 200,
      json: { value: versions.map((each) => bundle(name, each, false)), nextLink: null },
    };
  }

  function perform({ method, collection, name, rest, body }: SecretCall): VaultAnswer {
    switch (`${method} ${collection}`) {
      case 'GET secrets':
        return rest === 'versions' ? list(name) : get(name, rest);
      case 'PUT secrets':
        return set(name, body);
      case 'PATCH secrets':
        return update(name, rest, body);
      case 'DELETE secrets': {
        const removed = book.remove(name);
        return removed ? { status: 200, json: deletedBundle(name, removed) } : notFound(name);
      }
      case 'POST deletedsecrets': {
        const recovered = rest === 'recover' ? book.recover(name) : undefined;
        return recovered ? { status: 200, json: bundle(name, recovered, false) } : notFound(name);
      }
      case 'GET deletedsecrets':
        return book.isDeleted(name)
          ? {
              status: 200,
              json: { id: `${url}/secrets/${name}`, recoveryId: `${url}/deletedsecrets/${name}` },
            }
          : notFound(name);
      case 'DELETE deletedsecrets':
        return book.purge(name) ? { status: 204 } : notFound(name);
      default:
        return vaultError(405, 'MethodNotAllowed', 'The method is not allowed here.');
    }
  }
  return perform;
}

function toAttributes(parsed: z.infer<typeof updateBody>): SecretAttributes {
  return {
    contentType: parsed.contentType ?? undefined,
    tags: parsed.tags ?? undefined,
    enabled: parsed.attributes?.enabled ?? undefined,
    expires: parsed.attributes?.exp ?? undefined,
  };
}

const notFound = (name: string) =>
  vaultError(404, 'SecretNotFound', `A secret with (name/id) ${name} was not found in this key vault.`);

/** Which field is wrong, never its value. */
const badParameter = ({ issues }: z.ZodError) =>
  vaultError(
    400,
    'BadParameter',
    issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '),
  );
