import { describe, expect, it } from '@jest/globals';
import { toCaller } from '../../../src/callers/caller.ts';

const tenantId = 'tenant';
const user = { tid: tenantId, oid: 'alice', sub: 'pairwise', azp: 'web-app', scp: 'A.Read B.Write' };
const application = {
  tid: tenantId,
  oid: 'service',
  sub: 'service',
  azp: 'service-app',
  roles: ['A.Read.All'],
};

describe('the caller that a token stands for', () => {
  it('is a user with the scopes of the token', () => {
    expect(toCaller(user, tenantId)).toEqual({
      tenantId,
      objectId: 'alice',
      applicationId: 'web-app',
      scopes: ['A.Read', 'B.Write'],
      appRoles: [],
    });
  });

  it.each([{ idtyp: 'app' }, {}])('is an application with the app roles of the token (%p)', (changes) => {
    expect(toCaller({ ...application, ...changes }, tenantId)).toEqual({
      tenantId,
      objectId: 'service',
      applicationId: 'service-app',
      scopes: [],
      appRoles: ['A.Read.All'],
    });
  });

  it('comes through the application that version 1 tokens name otherwise', () => {
    expect(toCaller({ ...user, azp: undefined, appid: 'old-app' }, tenantId)?.applicationId).toBe('old-app');
  });

  it.each([
    ['in another tenant', { tid: 'other' }],
    ['in the tenant in another case', { tid: 'Tenant' }],
    ['in no tenant', { tid: undefined }],
    ['without an object id', { oid: undefined }],
    ['with an empty object id', { oid: '' }],
    ['without a client, as ID tokens are', { azp: undefined }],
    ['with a client that is no string', { azp: 7 }],
  ])('is nobody %s', (_, changes) => {
    expect(toCaller({ ...user, ...changes }, tenantId)).toBeUndefined();
    expect(toCaller({ ...application, ...changes }, tenantId)).toBeUndefined();
  });

  it.each([
    ['a user whose roles are the user’s own', { ...user, scp: undefined, roles: ['A.Read.All'] }],
    ['a user, said by idtyp, whose subject is the object id', { ...application, idtyp: 'user' }],
    ['an application that names a scope', { ...application, scp: 'A.Read' }],
    ['an application, said by idtyp, that names a scope', { ...application, scp: 'A.Read', idtyp: 'app' }],
    ['an application that names no scope in so many words', { ...application, scp: '' }],
    ['an application, said by idtyp alone, that names a scope', { ...user, idtyp: 'app' }],
    ['a device', { ...application, idtyp: 'device' }],
    ['a user by a type that is null', { ...user, idtyp: null }],
    ['a token without subject and scope', { ...application, sub: undefined }],
    ['scopes that are a list', { ...user, scp: ['A.Read'] }],
    ['app roles that are a string', { ...application, roles: 'A.Read.All' }],
    ['app roles that are no strings', { ...application, roles: [1, null, ['A.Read.All']] }],
    ['scopes that are blanks', { ...user, scp: '   ' }],
  ])('has no right at all: %s', (_, claims) => {
    expect(toCaller(claims, tenantId)).toMatchObject({ scopes: [], appRoles: [] });
  });

  it('has the app roles that are strings, whatever stands between them', () => {
    expect(toCaller({ ...application, roles: ['A.Read.All', 5, 'B.Write.All'] }, tenantId)?.appRoles).toEqual(
      ['A.Read.All', 'B.Write.All'],
    );
  });
});
