"""The number formats that have an id but no code in the file (ECMA-376 part 1, 18.8.30).

Ids 14 and 22 follow the reader's regional settings; the English (US) form is used. Ids 27 to 36 and 50 to 58 are
East Asian dates, in their Chinese form.
"""

from __future__ import annotations

__all__ = ["BUILTIN_FORMATS"]

BUILTIN_FORMATS: dict[int, str] = {
    0: "General",
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    5: '"$"#,##0_);\\("$"#,##0\\)',
    6: '"$"#,##0_);[Red]\\("$"#,##0\\)',
    7: '"$"#,##0.00_);\\("$"#,##0.00\\)',
    8: '"$"#,##0.00_);[Red]\\("$"#,##0.00\\)',
    9: "0%",
    10: "0.00%",
    11: "0.00E+00",
    12: "# ?/?",
    13: "# ??/??",
    14: "m/d/yyyy",
    15: "d-mmm-yy",
    16: "d-mmm",
    17: "mmm-yy",
    18: "h:mm AM/PM",
    19: "h:mm:ss AM/PM",
    20: "h:mm",
    21: "h:mm:ss",
    22: "m/d/yyyy h:mm",
    37: "#,##0_);\\(#,##0\\)",
    38: "#,##0_);[Red]\\(#,##0\\)",
    39: "#,##0.00_);\\(#,##0.00\\)",
    40: "#,##0.00_);[Red]\\(#,##0.00\\)",
    41: '_(* #,##0_);_(* \\(#,##0\\);_(* "-"_);_(@_)',
    42: '_("$"* #,##0_);_("$"* \\(#,##0\\);_("$"* "-"_);_(@_)',
    43: '_(* #,##0.00_);_(* \\(#,##0.00\\);_(* "-"??_);_(@_)',
    44: '_("$"* #,##0.00_);_("$"* \\(#,##0.00\\);_("$"* "-"??_);_(@_)',
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mm:ss.0",
    48: "##0.0E+0",
    49: "@",
}

_YEAR_MONTH, _MONTH_DAY, _FULL = 'yyyy"年"m"月"', 'm"月"d"日"', 'yyyy"年"m"月"d"日"'

BUILTIN_FORMATS |= dict.fromkeys((27, 36, 50, 52, 57), _YEAR_MONTH)
BUILTIN_FORMATS |= dict.fromkeys((28, 29, 51, 53, 54, 58), _MONTH_DAY)
BUILTIN_FORMATS |= {30: "m/d/yy", 31: _FULL, 32: 'h"时"mm"分"', 33: 'h"时"mm"分"ss"秒"'}
BUILTIN_FORMATS |= {34: 'AM/PMh"时"mm"分"', 35: 'AM/PMh"时"mm"分"ss"秒"', 55: 'AM/PMh"时"mm"分"'}
BUILTIN_FORMATS |= {56: 'AM/PMh"时"mm"分"ss"秒"'}
