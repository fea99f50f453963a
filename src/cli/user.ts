import { stat } from 'node:fs/promises';

/** Who runs this command. */
export function userText(): string {
  return `id ${process.getuid?.() ?? 'unknown'}`;
}

/** Says as whom a command is to be run: the owner of a file or directory of the controller, where the system says who that is. */
export async function asOwnerOf(path: string): Promise<string> {
  const owner = await stat(path).then(
    ({ uid }) => ` (id ${uid})`,
    () => '',
  );
  return `Run the command as the user who runs hind-proxy run${owner}, as with sudo -u`;
}
