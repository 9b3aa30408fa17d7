import { describe, expect, it } from '@jest/globals';
import type { Caller } from '../../../src/callers/caller.ts';
import { hasPermission, type Permission } from '../../../src/callers/permissions.ts';

const caller = (rights: Partial<Caller>): Caller => ({
  tenantId: 'tenant',
  objectId: 'object',
  applicationId: 'application',
  scopes: [],
  appRoles: [],
  ...rights,
});
const all: readonly Permission[] = [
  'ProductUpgrade.Read',
  'ProductUpgrade.ReadWrite',
  'PartnerConsent.Manage',
];

describe('what a caller may do', () => {
  it.each<[Permission, readonly Permission[]]>([
    ['ProductUpgrade.Read', ['ProductUpgrade.Read']],
    ['ProductUpgrade.ReadWrite', ['ProductUpgrade.Read', 'ProductUpgrade.ReadWrite']],
    ['PartnerConsent.Manage', ['PartnerConsent.Manage']],
  ])('%s is enough for %p, as a scope and as an app role', (granted, expected) => {
    const user = caller({ scopes: [granted] });
    const application = caller({ appRoles: [`${granted}.All`] });
    expect(all.filter((permission) => hasPermission(user, permission))).toEqual(expected);
    expect(all.filter((permission) => hasPermission(application, permission))).toEqual(expected);
  });

  it.each<[string, Partial<Caller>]>([
    ['nothing', {}],
    ['scopes named like app roles', { scopes: all.map((name) => `${name}.All`) }],
    ['app roles named like scopes', { appRoles: all }],
    ['rights in another case', { scopes: all.map((name) => name.toLowerCase()) }],
    ['rights with something before or behind', { scopes: all.flatMap((name) => [`${name}X`, `X${name}`]) }],
  ])('%s is enough for nothing', (_, rights) => {
    expect(all.filter((permission) => hasPermission(caller(rights), permission))).toEqual([]);
  });
});
