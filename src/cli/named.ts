import { SERVERS, type Server } from '../model/rendered.ts';
import { DIALECTS, type DialectName } from '../model/route.ts';
import { CommandError, EXIT } from './errors.ts';

/** What is said where a command needs `--to` and has none. */
export const NO_DIALECT: string = `Cannot do without --to <dialect>: expected ${DIALECTS.join(', ')}`;

/** The dialect of a name; `option` is what took it. Throws `CommandError` naming them. */
export function dialectNamed(name: string | undefined, option: string): DialectName {
  const found = DIALECTS.find((dialect) => dialect === name);
  if (found) return found;
  throw unusable(name, { option, expected: DIALECTS.join(', ') });
}

/** The proxy of a name, in any case; `option` is what took it. Throws `CommandError` naming them. */
export function serverNamed(name: string | undefined, option: string): Server {
  const found = SERVERS.find((server) => server === name?.toLowerCase());
  if (found) return found;
  throw unusable(name, { option, expected: SERVERS.join(' or ') });
}

function unusable(name: string | undefined, { option, expected }: { readonly option: string; readonly expected: string }): CommandError {
  return new CommandError(
    `${name === undefined ? `Cannot do without ${option}` : `Cannot use ${option} "${name}"`}: expected ${expected}`,
    EXIT.usage,
  );
}
