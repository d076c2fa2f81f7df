"""Scripts on Windows, whose runners start PowerShell: it hands the whole script to Git Bash, as a file.

A string between @' and '@ is taken as it stands, and the file has the line ends that bash wants.
https://docs.gitlab.com/runner/shells/#powershell
"""

from __future__ import annotations

from mlgen.targets.gitlab.entries import Entry

ENDING = "'@"
"""What no line of a script may begin with."""

_BASH = r'& "$env:ProgramFiles\Git\bin\bash.exe"'


def handed(entries: list[Entry]) -> list[Entry]:
    """The entries as one, which bash runs."""
    if not entries:
        return []
    script = "\n".join(f"# {entry.comment}\n{entry.text}" if entry.comment else entry.text for entry in entries)
    return [
        Entry(
            f"$mlgen = @'\n{script}\n'@ -replace \"`r\", ''\n"
            "$file = [IO.Path]::GetTempFileName()\n"
            "[IO.File]::WriteAllText($file, $mlgen)\n"
            f"{_BASH} $file\n"
            "exit $LASTEXITCODE"
        )
    ]
