import type { Config } from '../config/options.ts';
import { redactedTag } from '../model/redact.ts';

/** A configuration as it may be shown: password hashes in tags and users in addresses are replaced. */
export function configView(config: Config): object {
  const shown: unknown = JSON.parse(JSON.stringify(config), (_key, value: unknown) =>
    typeof value === 'string' ? withoutSecrets(value) : value,
  );
  return typeof shown === 'object' && shown !== null ? shown : {};
}

function withoutSecrets(text: string): string {
  return redactedTag(text.replace(/:\/\/[^/@\s]+@/g, '://[redacted]@'));
}
