/** Flags of the `migrate` commands, and which of them have each. */
export const MIGRATE_FLAGS = {
  '--to <dialect>': 'fabio, hind or traefik',
  '--add': 'new tags beside the old ones (the default): both are read until the old ones go',
  '--replace': 'new tags in the place of the old ones',
  '--diff': 'a unified difference of the files that patch accepts, in the place of a report',
  '--format <format>': 'text, md or json',
  '--strict': 'exit 4 where anything is left for hand work, lost, said differently or guessed',
  '--json': 'as JSON',
  '--from <catalog>': 'consul or nomad: what would change in its services, and by which jobs; nothing is written there',
  '--old <path...>': 'files and directories with the old tags, where paths are not both sides',
  '--new <path...>': 'files and directories with the new tags',
  '--old-proxy <server>': 'caddy or traefik; default: the configured proxy',
  '--new-proxy <server>': 'caddy or traefik; default: the configured proxy',
  '--old-dialects <list>': 'read only tags of these dialects on the old side, as fabio,hind',
  '--new-dialects <list>': 'read only tags of these dialects on the new side',
  '--old-url <url...>': 'ask a proxy that runs, in the place of one with the old tags: http://host:port, https://host:port',
  '--new-url <url...>': 'ask a proxy that runs, in the place of one with the new tags',
  '--requests <file>': 'also these requests: lines [METHOD] URL, or JSON objects with url, method, headers; - is stdin',
  '--access-log <file>': "also the requests of a log: common, combined, Caddy's or Traefik's JSON; - is stdin",
  '--host <name...>': 'hosts for requests of a log that names none; default: every host of the routes',
  '--no-derived': 'only the requests of --requests and --access-log, none made of the routes',
  '--odd': 'also requests that the proxies read in different ways: //, dot segments and escapes in paths, ports in hosts',
  '--all-methods': 'ask running proxies also with methods that may change something',
  '--limit <count>': 'ask at most so many requests; default: 10000',
  '--manifest <file>': 'where write keeps what the files held; default: hind-proxy-migration.json',
} as const;

/** One of the `migrate` commands on the command line. */
export interface MigrateCommand {
  readonly name: 'plan' | 'write' | 'verify' | 'finish' | 'revert';
  readonly description: string;
  readonly paths: 'required' | 'optional' | 'none';
  readonly flags: readonly (keyof typeof MIGRATE_FLAGS)[];
  /** What each exit code means that is more than a failure or wrong usage. */
  readonly exits: readonly (readonly [number, string])[];
  readonly examples: readonly string[];
}

/** The `migrate` commands. */
export const MIGRATE_COMMANDS: readonly MigrateCommand[] = [
  {
    name: 'plan',
    description: 'what write would change in job files or in a live catalog, and what is left for hand work; writes nothing',
    paths: 'optional',
    flags: ['--to <dialect>', '--from <catalog>', '--add', '--replace', '--diff', '--format <format>', '--strict', '--json'],
    exits: [
      [0, 'all files were read, whether or not tags are left for hand work'],
      [1, 'a file cannot be read (the others are listed), or Nomad refuses a job'],
      [4, 'with --strict: something is left for hand work, lost, said differently or guessed'],
      [5, 'the catalog of --from does not answer, or where files are planned the Nomad of --nomad'],
    ],
    examples: [
      'hind-proxy migrate plan jobs/ --to traefik',
      'hind-proxy migrate plan jobs/ --to traefik --replace --diff | patch --dry-run -p0',
      'hind-proxy migrate plan --from consul --to traefik --consul 127.0.0.1:8500 --nomad http://127.0.0.1:4646',
    ],
  },
  {
    name: 'write',
    description: 'convert the tags of job files in place; nothing but tags changes',
    paths: 'required',
    flags: ['--to <dialect>', '--add', '--replace', '--format <format>', '--strict', '--json', '--manifest <file>'],
    exits: [
      [0, 'written, whether or not tags are left for hand work'],
      [1, 'a file cannot be read (the others are written) or not be written (then it says how far it came)'],
      [4, 'with --strict: written, and something is left for hand work, lost, said differently or guessed'],
    ],
    examples: ['hind-proxy migrate write jobs/ --to traefik', 'hind-proxy migrate write web.nomad.hcl --to fabio --replace'],
  },
  {
    name: 'verify',
    description:
      'ask real proxies with the old and the new tags the same requests and list what differs; exit 3 where that is more than the form of answers',
    paths: 'optional',
    flags: [
      '--to <dialect>',
      '--old <path...>',
      '--new <path...>',
      '--old-proxy <server>',
      '--new-proxy <server>',
      '--old-dialects <list>',
      '--new-dialects <list>',
      '--old-url <url...>',
      '--new-url <url...>',
      '--requests <file>',
      '--access-log <file>',
      '--host <name...>',
      '--no-derived',
      '--odd',
      '--all-methods',
      '--limit <count>',
      '--json',
    ],
    exits: [
      [0, 'nothing differs but the form of answers, and all was looked at'],
      [1, 'a file cannot be read, whatever the others came to'],
      [3, 'tags make a difference, or requests are not served or not refused any more, be it by the proxies alone'],
      [
        4,
        'as 0, but not all was looked at: tags that expressions make, links that lead elsewhere, and routes for TCP and UDP, which are never compared; "complete" of --json is false',
      ],
      [5, 'no catalog, or a proxy that is to be asked does not answer'],
      [6, 'a proxy refuses its configuration'],
    ],
    examples: [
      'hind-proxy migrate verify jobs/ --to traefik --old-proxy caddy --new-proxy traefik',
      'hind-proxy migrate verify --old before/ --new after/ --access-log /var/log/caddy.log',
      'hind-proxy migrate verify --consul 127.0.0.1:8500 --old-dialects fabio --new-dialects traefik --new-proxy traefik',
      'hind-proxy migrate verify jobs/ --old-url http://10.0.0.1 https://10.0.0.1 --new-url http://10.0.0.2 https://10.0.0.2',
    ],
  },
  {
    name: 'finish',
    description: 'list the tags of other dialects that are safe to remove: every request is answered as before without them',
    paths: 'optional',
    flags: ['--to <dialect>', '--strict', '--json'],
    exits: [
      [0, 'listed, and all was looked at'],
      [1, 'a file cannot be read, whatever the others came to'],
      [
        4,
        'not all was looked at: tags that expressions make, links that lead elsewhere; with --strict also: a tag is still needed, or its host is guessed',
      ],
      [5, 'no catalog answers'],
    ],
    examples: ['hind-proxy migrate finish jobs/ --to traefik', 'hind-proxy migrate finish --consul 127.0.0.1:8500 --to traefik --json'],
  },
  {
    name: 'revert',
    description: 'put the files of the last write back; refuses where one was changed since',
    paths: 'none',
    flags: ['--json', '--manifest <file>'],
    exits: [
      [0, 'the files are as they were'],
      [1, 'a file was changed since, or cannot be written'],
      [2, 'there is no manifest'],
    ],
    examples: ['hind-proxy migrate revert'],
  },
];
