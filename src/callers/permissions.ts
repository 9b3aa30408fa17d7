import type { RequestHandler } from 'express';
import { PermissionDeniedError } from '../errors.ts';
import { getCaller } from './authenticate.ts';
import type { Caller } from './caller.ts';

/** What a caller may do: a scope of this name for a user, an app role of this name plus `.All` for an application. */
export type Permission = 'ProductUpgrade.Read' | 'ProductUpgrade.ReadWrite' | 'PartnerConsent.Manage';

const sufficient: Readonly<Record<Permission, readonly Permission[]>> = {
  'ProductUpgrade.Read': ['ProductUpgrade.Read', 'ProductUpgrade.ReadWrite'],
  'ProductUpgrade.ReadWrite': ['ProductUpgrade.ReadWrite'],
  'PartnerConsent.Manage': ['PartnerConsent.Manage'],
};

export const hasPermission = (caller: Caller, permission: Permission): boolean =>
  sufficient[permission].some(
    (name) => caller.scopes.includes(name) || caller.appRoles.includes(`${name}.All`),
  );

/** Refuses callers without the permission. */
export function requirePermission(permission: Permission): RequestHandler {
  return (_req, res, next) => {
    if (!hasPermission(getCaller(res), permission))
      throw new PermissionDeniedError(
        `The token lacks the permission ${permission}: a user needs the scope of that name, an application the app role ${permission}.All.`,
        { permission },
      );
    next();
  };
}
