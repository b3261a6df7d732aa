"""How many calls lie between a changed function and another, as far as names in the text tell.

Only the order of what is run depends on it: what is near is run first.
"""

import ast
import re

WORD = re.compile(r"[A-Za-z_]\w*")


class Nearness:
    """Top-level definitions of a tree and the words in each."""

    def __init__(self, tree, folders):
        self.definitions = []
        self.naming = {}
        for folder in folders:
            for file in sorted((tree / folder).rglob("*.py")):
                text = file.read_text()
                lines = text.splitlines()
                for node in ast.parse(text).body:
                    names = defined(node)
                    if names:
                        self.definitions.append((file, names))
                        for word in set(WORD.findall("\n".join(lines[node.lineno - 1 : node.end_lineno]))):
                            self.naming.setdefault(word, []).append(names)

    def of(self, text, old):
        """Return how far names are: 0 for what holds ``old`` in ``text``, 1 for what names that, and on."""
        line = text[: text.index(old)].count("\n") + 1
        level = {
            name
            for node in ast.parse(text).body
            if node.lineno <= line <= node.end_lineno
            for name in defined(node)
        }
        found = dict.fromkeys(level, 0)
        distance = 0
        while level:
            distance += 1
            new = {name for word in level for names in self.naming.get(word, ()) for name in names}
            level = new - set(found)
            found |= dict.fromkeys(level, distance)
        return found

    def files(self, distances, folder):
        """Return the files under ``folder`` with how near each is, the nearest first."""
        near = {}
        for file, names in self.definitions:
            if folder in file.parents or file == folder:
                nearest = min(distances.get(name, 99) for name in names)
                near[file] = min(near.get(file, 99), nearest)
        return sorted(near.items(), key=lambda item: item[1])


def defined(node):
    """Return the names that a statement defines."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, ast.Assign):
        return {name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)}
    return set()
