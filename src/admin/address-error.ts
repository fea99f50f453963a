/** An address that must not be opened without TLS and tokens. */
export class AdminAddressError extends Error {
  override readonly name = 'AdminAddressError';
}
