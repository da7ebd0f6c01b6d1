#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// A wall-clock time, as `strftime_now` in chat templates writes it.
public struct LocalTime: Sendable, Hashable {
    /// The year, such as 2026.
    public var year: Int
    /// The month, 1 to 12.
    public var month: Int
    /// The day of the month, 1 to 31.
    public var day: Int
    /// The hour, 0 to 23.
    public var hour: Int
    /// The minute, 0 to 59.
    public var minute: Int
    /// The second, 0 to 60.
    public var second: Int

    /// Creates a time from its parts.
    public init(year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0) {
        self.year = year
        self.month = month
        self.day = day
        self.hour = hour
        self.minute = minute
        self.second = second
    }

    /// The system's time in its time zone.
    public static func current() -> LocalTime {
        var seconds = time(nil)
        var parts = tm()
        localtime_r(&seconds, &parts)
        return LocalTime(
            year: Int(parts.tm_year) + 1900,
            month: Int(parts.tm_mon) + 1,
            day: Int(parts.tm_mday),
            hour: Int(parts.tm_hour),
            minute: Int(parts.tm_min),
            second: Int(parts.tm_sec)
        )
    }

    private static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September",
        "October", "November", "December",
    ]
    private static let weekdays = [
        "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
    ]

    private var dayOfYear: Int {
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        return lengths.prefix(max(0, min(month, 12) - 1)).reduce(day, +)
    }

    /// 0 for Sunday, by Sakamoto's rule.
    private var weekday: Int {
        let shift = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4][max(0, min(month, 12) - 1)]
        let y = month < 3 ? year - 1 : year
        return ((y + y / 4 - y / 100 + y / 400 + shift + day) % 7 + 7) % 7
    }

    /// The time under a `strftime` pattern in the C locale; unknown letters stay as written.
    func formatted(_ pattern: String) -> String {
        var out = ""
        var isEscaped = false
        var isBare = false
        for letter in pattern.unicodeScalars {
            guard isEscaped else {
                isEscaped = letter == "%"
                if !isEscaped { out.unicodeScalars.append(letter) }
                continue
            }
            if letter == "-", !isBare {
                isBare = true
                continue
            }
            out += field(letter, isBare: isBare)
            isEscaped = false
            isBare = false
        }
        return out + (isEscaped ? "%" : "")
    }

    private func field(_ letter: UnicodeScalar, isBare: Bool) -> String {
        func padded(_ value: Int, _ width: Int = 2, _ fill: String = "0") -> String {
            let digits = String(value)
            if isBare { return digits }
            return String(repeating: fill, count: max(0, width - digits.count)) + digits
        }
        let monthName = Self.months[max(0, min(month, 12) - 1)]
        switch letter {
        case "Y": return padded(year, 4)
        case "y": return padded(year % 100)
        case "m": return padded(month)
        case "d": return padded(day)
        case "e": return padded(day, 2, " ")
        case "H": return padded(hour)
        case "I": return padded((hour + 11) % 12 + 1)
        case "M": return padded(minute)
        case "S": return padded(second)
        case "f": return "000000"
        case "j": return padded(dayOfYear, 3)
        case "p": return hour < 12 ? "AM" : "PM"
        case "B": return monthName
        case "b", "h": return String(monthName.prefix(3))
        case "A": return Self.weekdays[weekday]
        case "a": return String(Self.weekdays[weekday].prefix(3))
        case "w": return String(weekday)
        case "u": return String(weekday == 0 ? 7 : weekday)
        case "F": return formatted("%Y-%m-%d")
        case "T": return formatted("%H:%M:%S")
        case "R": return formatted("%H:%M")
        case "D", "x": return formatted("%m/%d/%y")
        case "X": return formatted("%H:%M:%S")
        case "c": return formatted("%a %b %e %H:%M:%S %Y")
        case "n": return "\n"
        case "t": return "\t"
        case "Z", "z": return ""
        case "%": return "%"
        default: return "%\(letter)"
        }
    }
}
