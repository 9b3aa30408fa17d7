import { GatewayError } from '../errors.ts';

/** Failures of HTTP itself; the use cases know nothing of them. */

export class NotFoundError extends GatewayError {
  readonly code = 'not_found';
}
export class MethodNotAllowedError extends GatewayError {
  readonly code = 'method_not_allowed';
  readonly allowedMethods: readonly string[];

  constructor(allowedMethods: readonly string[]) {
    super(`This resource answers ${allowedMethods.join(', ')} only.`);
    this.allowedMethods = allowedMethods;
  }
}
export class NotAcceptableError extends GatewayError {
  readonly code = 'not_acceptable';
}
export class PayloadTooLargeError extends GatewayError {
  readonly code = 'payload_too_large';
}
export class UnsupportedMediaTypeError extends GatewayError {
  readonly code = 'unsupported_media_type';
}
