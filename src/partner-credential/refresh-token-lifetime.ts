export const dayMs = 86_400_000;

/**
 * How long a refresh token lasts after it was issued, at most: 90 days, which each renewal begins anew.
 * Source: https://learn.microsoft.com/entra/identity-platform/refresh-tokens
 */
export const refreshTokenLifetimeMs = 90 * dayMs;
