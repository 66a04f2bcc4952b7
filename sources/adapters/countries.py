"""Countries and regions as trackers and shops write them: alpha-3 codes (`USA`) made alpha-2 (`US`), names of states made codes."""

from __future__ import annotations

import unicodedata
from typing import Final

_PAIRS: Final = """
    ABWAW AFGAF AGOAO AIAAI ALAAX ALBAL ANDAD AREAE ARGAR ARMAM ASMAS ATAAQ ATFTF ATGAG AUSAU AUTAT AZEAZ BDIBI BELBE BENBJ BESBQ
    BFABF BGDBD BGRBG BHRBH BHSBS BIHBA BLMBL BLRBY BLZBZ BMUBM BOLBO BRABR BRBBB BRNBN BTNBT BVTBV BWABW CAFCF CANCA CCKCC CHECH
    CHLCL CHNCN CIVCI CMRCM CODCD COGCG COKCK COLCO COMKM CPVCV CRICR CUBCU CUWCW CXRCX CYMKY CYPCY CZECZ DEUDE DJIDJ DMADM DNKDK
    DOMDO DZADZ ECUEC EGYEG ERIER ESHEH ESPES ESTEE ETHET FINFI FJIFJ FLKFK FRAFR FROFO FSMFM GABGA GBRGB GEOGE GGYGG GHAGH GIBGI
    GINGN GLPGP GMBGM GNBGW GNQGQ GRCGR GRDGD GRLGL GTMGT GUFGF GUMGU GUYGY HKGHK HMDHM HNDHN HRVHR HTIHT HUNHU IDNID IMNIM INDIN
    IOTIO IRLIE IRNIR IRQIQ ISLIS ISRIL ITAIT JAMJM JEYJE JORJO JPNJP KAZKZ KENKE KGZKG KHMKH KIRKI KNAKN KORKR KWTKW LAOLA LBNLB
    LBRLR LBYLY LCALC LIELI LKALK LSOLS LTULT LUXLU LVALV MACMO MAFMF MARMA MCOMC MDAMD MDGMG MDVMV MEXMX MHLMH MKDMK MLIML MLTMT
    MMRMM MNEME MNGMN MNPMP MOZMZ MRTMR MSRMS MTQMQ MUSMU MWIMW MYSMY MYTYT NAMNA NCLNC NERNE NFKNF NGANG NICNI NIUNU NLDNL NORNO
    NPLNP NRUNR NZLNZ OMNOM PAKPK PANPA PCNPN PERPE PHLPH PLWPW PNGPG POLPL PRIPR PRKKP PRTPT PRYPY PSEPS PYFPF QATQA REURE ROURO
    RUSRU RWARW SAUSA SDNSD SENSN SGPSG SGSGS SHNSH SJMSJ SLBSB SLESL SLVSV SMRSM SOMSO SPMPM SRBRS SSDSS STPST SURSR SVKSK SVNSI
    SWESE SWZSZ SXMSX SYCSC SYRSY TCATC TCDTD TGOTG THATH TJKTJ TKLTK TKMTM TLSTL TONTO TTOTT TUNTN TURTR TUVTV TWNTW TZATZ UGAUG
    UKRUA UMIUM URYUY USAUS UZBUZ VATVA VCTVC VENVE VGBVG VIRVI VNMVN VUTVU WLFWF WSMWS YEMYE ZAFZA ZMBZM ZWEZW
"""
"""Alpha-3 and alpha-2 of each country: ISO 3166-1 (ISO 3166 Maintenance Agency), 2024."""

_NAMES: Final = {
    "AU": """
        ACT Australian Capital Territory, NSW New South Wales, NT Northern Territory, QLD Queensland, SA South Australia, TAS
        Tasmania, VIC Victoria, WA Western Australia
    """,
    "BR": """
        AC Acre, AL Alagoas, AM Amazonas, AP Amapá, BA Bahia, CE Ceará, DF Distrito Federal, ES Espírito Santo, GO Goiás, MA
        Maranhão, MG Minas Gerais, MS Mato Grosso do Sul, MT Mato Grosso, PA Pará, PB Paraíba, PE Pernambuco, PI Piauí, PR Paraná,
        RJ Rio de Janeiro, RN Rio Grande do Norte, RO Rondônia, RR Roraima, RS Rio Grande do Sul, SC Santa Catarina, SE Sergipe, SP
        São Paulo, TO Tocantins
    """,
    "CA": """
        AB Alberta, BC British Columbia, MB Manitoba, NB New Brunswick, NL Newfoundland and Labrador, NS Nova Scotia, NT Northwest
        Territories, NU Nunavut, ON Ontario, PE Prince Edward Island, QC Quebec, SK Saskatchewan, YT Yukon, YT Yukon
        Territory
    """,
    "MX": """
        AGU Aguascalientes, BCN Baja California, BCS Baja California Sur, CAM Campeche, CHH Chihuahua, CHP Chiapas, CMX Ciudad
        de México, COA Coahuila, COL Colima, DUR Durango, GRO Guerrero, GUA Guanajuato, HID Hidalgo, JAL Jalisco, MEX México,
        MEX Estado de México, CMX Mexico City, MIC Michoacán, MOR Morelos, NAY Nayarit, NLE Nuevo León, OAX Oaxaca, PUE
        Puebla, QUE Querétaro, ROO Quintana Roo, SIN Sinaloa, SLP San Luis Potosí, SON Sonora, TAB Tabasco, TAM Tamaulipas,
        TLA Tlaxcala, VER Veracruz, YUC Yucatán, ZAC Zacatecas
    """,
    "US": """
        AK Alaska, AL Alabama, AR Arkansas, AS American Samoa, AZ Arizona, CA California, CO Colorado, CT Connecticut, DC District
        of Columbia, DE Delaware, FL Florida, GA Georgia, GU Guam, HI Hawaii, IA Iowa, ID Idaho, IL Illinois, IN Indiana, KS
        Kansas, KY Kentucky, LA Louisiana, MA Massachusetts, MD Maryland, ME Maine, MI Michigan, MN Minnesota, MO Missouri, MP
        Northern Mariana Islands, MS Mississippi, MT Montana, NC North Carolina, ND North Dakota, NE Nebraska, NH New Hampshire,
        NJ New Jersey, NM New Mexico, NV Nevada, NY New York, OH Ohio, OK Oklahoma, OR Oregon, PA Pennsylvania, PR Puerto Rico, RI
        Rhode Island, SC South Carolina, SD South Dakota, TN Tennessee, TX Texas, UT Utah, VA Virginia, VI Virgin Islands, VT
        Vermont, WA Washington, WI Wisconsin, WV West Virginia, WY Wyoming
    """,
}
"""The states, provinces and territories of countries with several zones that carriers and shops write by name: ISO 3166-2, 2024."""

ALPHA_2: Final[dict[str, str]] = {pair[:3]: pair[3:] for pair in _PAIRS.split()} | {"XKX": "XK"}
"""By alpha-3 code: ISO 3166-1, and the codes that its users have agreed upon for Kosovo."""


def alpha_2(text: str | None) -> str | None:
    """The alpha-2 code of an alpha-3 one; a text of two letters stays as it is, upper case; None for anything else."""
    if text is None:
        return None
    code = text.upper()
    return code if len(code) == 2 and code.isascii() and code.isalpha() else ALPHA_2.get(code)


def _folded(name: str) -> str:
    """Without accents, which some leave out, and in one case."""
    return "".join(one for one in unicodedata.normalize("NFKD", name.strip()) if not unicodedata.combining(one)).casefold()


REGIONS: Final = {
    country: {_folded(name): code for code, _, name in (row.strip().partition(" ") for row in " ".join(rows.split()).split(","))}
    for country, rows in _NAMES.items()
}
"""By country: the code of each region by its folded name."""


def region_code(country: str | None, text: str | None) -> str | None:
    """The code (ISO 3166-2, `CA`) of a region of a country (alpha-2); what is no name that is known here stays as it is, upper case."""
    if text is None:
        return None
    return REGIONS.get(country or "", {}).get(_folded(text), text.upper())
