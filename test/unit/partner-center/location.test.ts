import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { findUpgradeId } from '../../../src/partner-center/location.ts';

const id = '42d075a4-bfe7-43e7-af6d-7c68a57edcb4';

describe('the upgrade id in a Location header', () => {
  it.each([
    ['as documented', `productUpgrades/${id}`],
    ['rooted', `/v1/productUpgrades/${id}`],
    ['absolute', `https://api.partnercenter.microsoft.com/v1/productUpgrades/${id}`],
    ['with a trailing slash', `productUpgrades/${id}/`],
    ['with a query', `productUpgrades/${id}?x=1`],
    ['followed by a word', `productUpgrades/${id}/status`],
    ['in upper case', `productUpgrades/${id.toUpperCase()}`],
    ['after another GUID', `customers/4c721420-72ad-4708-a0a7-371a2f7b0969/productUpgrades/${id}`],
  ])('is found %s', (_what, location) => expect(findUpgradeId(location)).toBe(id));

  it.each([
    ['nothing', undefined],
    ['a list', [`productUpgrades/${id}`]],
    ['an empty text', ''],
    ['no GUID', 'productUpgrades/pending'],
    ['a GUID in the query only', `productUpgrades?id=${id}`],
    ['a GUID that is longer', `productUpgrades/${id}0`],
  ])('is not found in %s', (_what, location) => expect(findUpgradeId(location)).toBeUndefined());

  it('is a GUID or nothing, whatever comes', () => {
    fc.assert(
      fc.property(fc.webUrl({ withQueryParameters: true, withFragments: true }), (url) => {
        const found = findUpgradeId(url);
        return found === undefined || /^[0-9a-f-]{36}$/.test(found);
      }),
    );
  });
});
