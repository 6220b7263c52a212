const TOKEN = /"(?:\\.|[^"\\])*"|[{}[\],:]|[^\s"{}[\],:]+/g;

/**
 * Tells whether an object in a valid JSON text names a member twice.
 *
 * `JSON.parse` takes the last one, other readers the first: who signed it and who reads it may mean
 * different things.
 */
export function hasDuplicateMember(json: string): boolean {
  const tokens = json.match(TOKEN) ?? [];
  const open: (Set<string> | undefined)[] = [];
  for (const [index, token] of tokens.entries()) {
    if (token === '{') open.push(new Set());
    else if (token === '[') open.push(undefined);
    else if (token === '}' || token === ']') open.pop();
    else if (tokens[index + 1] === ':') {
      const name = JSON.parse(token) as string;
      const names = open.at(-1);
      if (names?.has(name) === true) return true;
      names?.add(name);
    }
  }
  return false;
}
