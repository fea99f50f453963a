import { dump, load, YAMLException } from 'js-yaml';

/** A YAML or JSON text that cannot be read; `line` and `column` count from 1. */
export class YamlError extends Error {
  override readonly name = 'YamlError';
  readonly line: number;
  readonly column: number;

  constructor(message: string, place: { readonly line: number; readonly column: number }, cause: unknown) {
    super(message, { cause });
    this.line = place.line;
    this.column = place.column;
  }
}

/** The value of a YAML 1.2 (core schema) or JSON text. Throws `YamlError` with the place of the first fault. */
export function parseYaml(text: string): unknown {
  try {
    return load(text);
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const { line = 0, column = 0 } = error.mark ?? {};
    throw new YamlError(error.reason || error.message, { line: line + 1, column: column + 1 }, error);
  }
}

/** A value as YAML, keys in their own order. */
export function printYaml(value: unknown): string {
  return dump(value, { noRefs: true, lineWidth: -1 });
}
