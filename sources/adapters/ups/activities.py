"""What the two-character activity codes of UPS say beyond its status codes: which exception, and where a "delivered" parcel is.

The same two characters mean different things in different lists: `DP` departs, except that as an exception it may not cross a border.
So exceptions (type `X`) have a table of their own.
"""

from __future__ import annotations

from typing import Final

from sources.adapters.tables import grouped

PUBLISHED: Final = "https://developer.ups.com/api/reference/tracking/appendix"


EXCEPTION = grouped(
    "exception",
    "activity[].status.code, activityStatus.code, of type X",
    """
    label_created: 9D 9J 9K
    accepted: HF P4 Z5
    in_transit: 2O 2R 2S 2U 2V 2X 3P 4B 4H 4J 5R 5S 5U 5V 5W 6H 6I 6J 6K 6L 6P 6R 77 89 8M F0 F3 F7 GD HL HM IP LX LY MI OA PG RB
        RC UI VG VX VZ W8 XD Y9 YG YX ZD ZK ZL ZN ZO ZV ZW ZX ZY ZZ
    out_for_delivery: RK RL ZS
    delivered: F4 FT KM
    ready_for_pickup: 5G 6B 8I I5 UE ZP
    customs: 4C 7M B3 B6 BV C3 D5 DA DB ER HW S4 S5 SI SY TE TT X4 XZ Y1 Y5 Z1 Z3
    held: 1G 1H 4I 72 CN CP HO LI MF OS UG Y7 YT
    held customs: 1U 2N 2T 43 5 7I 7P 7S B4 B8 BW BX CE CT DE E4 E8 E9 L3 LV OB OI R1 R4 R5 RD RE RJ RM RP RU RZ SF SS SV T9 VK X2
        X3 X7 X9 XJ XK XL XY Y4 YA
    held documents: 1W 29 2B 40 4T 71 7H 7T 7U AO B5 B9 BA BB BD BE BG BH BJ BK BP CX CZ D0 DN DY EU EV EW FE FF GF GZ L2 L5 OM OQ
        OT R6 R7 RA RR RS RX S1 S2 S3 SJ SL SN SP VP X5 X6 X8 XA XB XC XE XG XN XO XV XW
    held duty: 1C 7F D9 EY
    delayed: 1 11 14 15 16 17 18 19 1A 1B 1K 1L 1M 1O 1P 1Q 1V 1X 2 22 23 2H 2Y 2Z 3 31 3A 3B 3C 3J 3L 3T 4 4F 4K 4Y 68 6E 7G 7N
        7R 7Y 7Z 8 87 8A 8K 8L 8R 8Y 8Z 95 99 9L 9M 9N 9O 9P 9Q 9R 9S 9T 9U 9V 9X 9Y 9Z AZ B1 C6 CC CK CL CM CQ DC DG DR DU E3 EH
        EN F8 FG G6 G9 GC GH GI GV H7 HA HG HH I8 J8 K2 LE LF MT NP NW OD P6 P7 Q0 Q1 RY S6 S8 SX TN UK UP VL YR
    delayed weather: 1E 2A 3D 6D 7V 7W 7X C5 DF DJ PZ
    attempt_failed: 51 52 5Z 7L FM G7 G8 GB IQ IR KZ YD
    attempt_failed recipient_absent: 48 49 55 AX AY C4 G3 KX L1 OH ZM
    damaged: 13 24 25 27 45 64 65 66 67 A1 A3 A4 AJ HD HE HR TV
    exception: 2E 33 3W 46 4P 4Q 4Z 5T 63 6T 6Z 7E 84 BF C7 CH CJ D4 D7 DD H9 I3 LH RH TC TI TK YU YV YW
    exception address: 91 A5 A6 A7 A8 A9 AA AB AC AD AE AF AG AK AL AV AW C8 CW CY DQ DS DW E1 FA H1 H2 H3 H4 H5 OJ PH PI TF YF
    exception missorted: 34 6 7 8G CD D1 ED YI
    exception pickup_failed: G4 G5 K1 KY
    exception prohibited: 60 73 9F C9 CA CV D2 DP EX HK I2 OR TX U0 U3 UN UR US
    exception refused: AM AN AP AQ AS KI KQ KR KS KT YE
    exception rejected: 47 ES
    returning: 4R CF CS DL H8 I1 KP O4 RV UF XU
    returning prohibited: 90 O0
    returning refused: 8H
    returning unclaimed: 3N 6C
    returned: 4S PP TU UA YJ YK
    lost: S9 TJ YM
    failed_final: IY J0
    failed_final disposed: 1F 26 8D A2 BZ NI YL
    cancelled: 5D
    ignored (wishes, notices, claims, cooling): 1D 1T 2G 30 37 39 3Q 3R 3S 3U 3V 3Z 4L 4M 4N 54 56 59 5A 5B 6G 6W 6X 76 78 79 7C
        7D 7Q 8C 8E 8F 92 93 9C 9I AH AT BQ BR BT CG DT E0 E2 E7 EO F5 FN FW G1 GN GO GQ GR H6 HJ HN HQ I9 IB IJ J9 JA JB JC JH JI
        JJ K5 K6 K7 K8 KN KO L0 L8 LN LO LQ LU LZ O1 O2 O3 O5 O6 O7 O8 O9 OL R3 R8 RF RG RI RO RW S0 S7 SO SU T3 T4 T5 T6 T7 T8 TA
        TB TG TH TL TO TR TS UD UL UO UT UW UX UZ V9 VA VB VD VE VF VH VI VJ VM VN VQ VR VU VV VW X0 XS Y2 Y3 YS Z7 Z8 ZA ZB ZC ZU
    """,
    source=f"UPS Tracking and Track Alert API, appendix: package exceptions; {PUBLISHED}",
)

ACTIVITY = grouped(
    "activity",
    "activity[].status.code, activityStatus.code, of other types",
    """
    label_created: MP OC PL
    accepted: OR PC PT PU XD
    in_transit: AG AR AT DL DP DS EP HU IP LC LM OD UL XA XR YH YM YN YP F7 F0 F3
    out_for_delivery: OF OT YF YI
    ready_for_pickup: 1N 2Q ZI ZP ZQ
    delivered: 2W 3F 3G 3H 9E F4 FS FT KB KM UC YC
    returned: B0
    held: WH
    ignored (a scan was taken back, a plan was changed): CA CD CL SP UA UD VP
    ignored (an estimate, a photo): PX UP UT
    """,
    source=f"UPS Tracking and Track Alert API, appendix: movement scans, delivery codes and updates; FS and KB as answers state them;"
    f" {PUBLISHED}",
)

REFINES: Final[dict[str, frozenset[str]]] = {
    "label_created": frozenset(("label_created",)),
    "accepted": frozenset(("accepted",)),
    "in_transit": frozenset("in_transit accepted out_for_delivery delayed exception customs held".split()),
    "out_for_delivery": frozenset(("out_for_delivery",)),
    "customs": frozenset(("customs", "held")),
    "held": frozenset(("held", "ready_for_pickup")),
    "delayed": frozenset("delayed exception held".split()),
    "attempt_failed": frozenset(("attempt_failed",)),
    "damaged": frozenset(("damaged",)),
    "exception": frozenset(
        "exception attempt_failed delayed held damaged customs lost returning returned failed_final ready_for_pickup in_transit".split()
    ),
    "ready_for_pickup": frozenset(("ready_for_pickup",)),
    "delivered": frozenset("delivered ready_for_pickup returned in_transit".split()),
    "returning": frozenset(("returning", "returned")),
    "returned": frozenset(("returned",)),
    "failed_final": frozenset(("failed_final",)),
    "lost": frozenset(("lost",)),
    "unknown": frozenset("label_created accepted in_transit out_for_delivery delayed exception held".split()),
}
"""What an activity may make of a status, which is coarser. One that contradicts it (`021` with `FS`) does not count."""
