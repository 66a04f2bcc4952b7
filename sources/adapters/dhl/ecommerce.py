"""What the event codes of DHL eCommerce mean, in the Americas and Asia and in Europe, beyond the five status codes.

`delivered` says DHL also of a parcel that a shop or a locker has (43 to 46), or a partner (302), or the sender again (366).
"""

from __future__ import annotations

from sources.adapters.tables import grouped

ECOMMERCE = grouped(
    "ecommerce",
    "events[].status of ecommerce",
    """
    label_created: 109 128 129 132 135 150 235 238 445
    accepted: 100 115 130 200 211 50 505 510 511
    in_transit: 104 106 110 113 114 116 120 125 155 156 161 162 220 359 360 361 365 371 399 400 401 402 431 451 454 456 461 462 468
        470 472 473 477 478 479 480 481 482 483 494 499 51 515 517 518 520 521 523 524 525 526 528 529 530 531 532 533 534 535 536
        537 538 539 540 541 542 543 545 547 548 549 557 561 562 566 567 568 575 576 577 579 589 590 637 642 805
    out_for_delivery: 544 558 580 597 598
    delivered: 572 600 606 607 621 652 653 654 655 656 657 658 659
    ready_for_pickup: 469 522 560 565 570 585 599 601
    customs: 441 442 447 449 452 463 464 501 502 509 588
    held: 312 358 644
    held customs: 443 448 453 506 507 508
    held duty: 240 242
    delayed: 450 581 592 593 616
    attempt_failed: 550 553 554 563 571 595 596 605 614 615 629 638 639
    attempt_failed recipient_absent: 551 552 555 556 564 594 612 613
    attempt_failed final_attempt: 583
    damaged: 620 623
    exception: 229 513 625 626 651 665 809
    exception address: 630 631 633 683 686 689 691 700 710 720 730 740 750 770 844
    exception missorted: 546 640 641 670 671
    exception pickup_failed: 134
    exception prohibited: 107
    exception refused: 608 610 611 619
    exception unclaimed: 693 760
    returning: 108 602 603 604 624 627 628 800 802 806 808 810 811 813 815 816 817 818 820 821 849 853 854 855 856 857 858 859 862
        880 881 882 883 884 885 886 887
    returning unclaimed: 804
    returned: 860 863 864
    lost: 690
    failed_final: 650
    failed_final disposed: 636 780 825
    cancelled: 101
    ignored (wishes, notices, payments): 163 164 241 300 313 350 503 504 573 574 582 591 609 617 618 632 680 699 807 867 868 869 870
        871 872 99
    """,
    source="DHL Shipment Tracking - Unified API: event codes by service; https://developer.dhl.com/api-reference/shipment-tracking",
)

EUROPE = grouped(
    "ecommerce_europe",
    "events[].status of ecommerce-europe",
    """
    label_created: 1 254 367 368 369 370
    accepted: 2 226 3 4 5 6 7 8 9
    in_transit: 14 15 159 16 17 19 20 22 228 23 230 231 232 233 234 235 236 237 238 240 242 25 255 26 27 28 29 30 302 31 32 33 354
        355 356 358 363 364 365 37 377 378 379 38 380 40 41 47
    out_for_delivery: 42
    delivered: 63 64 65 66 67 68 69 70 71
    ready_for_pickup: 43 44 45 46
    customs: 130 133 258
    held: 141 142 172 194 218 219 269
    held duty: 268
    delayed: 154 161 217
    delayed weather: 264 266
    delayed capacity: 265 267
    attempt_failed: 200 214 215 330 392 395 72 77 78 82 86 87 88 89 90 91 92 93 94 95 96 97 98
    attempt_failed recipient_absent: 372 73 74 75 85
    damaged: 306 83
    exception: 156 253
    exception address: 206 79 80 81
    exception refused: 151 207 208 209 210 211 76
    returning: 149 160 222 223 248 249
    returning address: 157
    returning customs: 152
    returning documents: 259
    returning unclaimed: 100 101 102 155 99
    returned: 366
    ignored (wishes, notices, payments): 52 53 56 57 58 59 60 61 62
    """,
    source="DHL Shipment Tracking - Unified API: event codes by service; https://developer.dhl.com/api-reference/shipment-tracking",
)
